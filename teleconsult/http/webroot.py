"""Where the browser's files are: `web/` beside the packages in a checkout, `teleconsult/_web` in a wheel."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def web_root() -> Path:
    """The folder with templates, static, locale and dist."""
    packed = _PACKAGE / "_web"
    return packed if packed.is_dir() else _PACKAGE.parent / "web"
