"""The child process that sets the opinion in type: JSON in, PDF out, within limits of memory and processor time.

Decides nothing about medicine. Runs as `python -m teleconsult.reports.typesetter`; knows no database and no network.
Outside text reaches typst as data only; pictures are decoded here, where a bomb can do no harm, and made plain.
"""

import base64
import contextlib
import io
import json
import re
import resource
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import typst
from PIL import Image

_MEMORY_BYTES = 2 << 30
_CPU_S = 25
_MAX_INPUT_BYTES = 64 << 20
_MAX_SIDE_PX = 1100  # 62 mm at 450 dpi.
_MAX_PICTURE_PX = 40_000_000
_NO_GLYPH = re.compile(r'the text `"(.*?)"` could not be displayed', re.DOTALL)
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}")
_TEMPLATE = Path(__file__).with_name("opinion.typ")
_CHINESE = "Noto Sans CJK SC"
_LATIN = "Libertinus Serif"
"""Comes with typst; has what the Chinese font lacks in physiology: the small 2 of SpO₂."""


class PictureRefused(Exception):
    """A key image cannot be decoded."""


def main() -> None:
    """Read one order from standard input, write one answer to standard output: a JSON line, then the PDF if any."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order = json.loads(sys.stdin.buffer.read(_MAX_INPUT_BYTES))
    try:
        pdf, missing = set_in_type(order)
        answer: dict[str, Any] = {"missing": missing}
    except PictureRefused as refused:
        pdf, answer = b"", {"picture": str(refused)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + pdf)


def set_in_type(order: dict[str, Any]) -> tuple[bytes, list[str]]:
    """Make the PDF.

    Args:
        order: `sheet` (the page's data), `pictures` (base64), `fonts` (folders), `at` (ISO 8601), `draft`.

    Returns:
        The PDF and the characters no font has. A final sheet with missing characters gives no PDF.

    Raises:
        PictureRefused: A key image cannot be decoded.
    """
    sheet = order["sheet"]
    for image, picture in zip(sheet["images"], order["pictures"], strict=True):
        image["picture"] = list(_plain(base64.b64decode(picture)))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=order["fonts"])
    sheet["fonts"] = _in_order(fonts.families())
    at = datetime.fromisoformat(order["at"]).replace(microsecond=0)
    with tempfile.TemporaryDirectory() as empty:
        try:
            return _compiled(sheet, fonts, empty, at, ["a-2b"]), []
        except typst.TypstError as error:
            missing = [_unescaped(each) for each in _NO_GLYPH.findall(error.diagnostic)]
            if not missing:
                raise
        return (_compiled(sheet, fonts, empty, at, []) if order["draft"] else b""), missing


def _compiled(sheet: dict[str, Any], fonts: typst.Fonts, root: str, at: datetime, standards: list[Any]) -> bytes:
    with contextlib.redirect_stdout(sys.stderr):
        pdf: bytes = typst.compile(  # type: ignore[type-var]  # its stubs want one type for both
            _TEMPLATE.read_bytes(),
            root=root,
            font_paths=fonts,
            ignore_system_fonts=True,
            sys_inputs={"sheet": json.dumps(sheet)},
            pdf_standards=standards,
            timestamp=at,
            package_path=root,
            package_cache_path=root,
        )
    return pdf


def _in_order(families: list[str]) -> list[str]:
    """The Chinese face first, then the site's own fonts for rare names, then the Latin one."""
    carried = ("Noto Sans", "DejaVu", "Libertinus", "New Computer")
    own = sorted(each for each in families if not each.startswith(carried))
    return [_CHINESE, *own, _LATIN]


def _plain(picture: bytes) -> bytes:
    """A picture as a plain JPEG of bounded size: no metadata, no profile, no transparency."""
    Image.MAX_IMAGE_PIXELS = _MAX_PICTURE_PX
    try:
        with Image.open(io.BytesIO(picture), formats=["PNG", "JPEG"]) as found:
            if found.width * found.height > _MAX_PICTURE_PX:
                raise PictureRefused("too large")
            grey = found.mode in {"L", "1", "I;16"}
            plain = found.convert("L" if grey else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, MemoryError) as error:
        raise PictureRefused(type(error).__name__) from error
    plain.thumbnail((_MAX_SIDE_PX, _MAX_SIDE_PX), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=88, optimize=True)
    return out.getvalue()


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


if __name__ == "__main__":
    main()
