"""`python -m bench [NAME…]`: runs the named benches, or all there are, one after the other."""

import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path


def names() -> list[str]:
    """Every bench: a module of this package with a `main`."""
    here = Path(__file__).parent
    found = (one.name for one in pkgutil.iter_modules([str(here)]) if not one.ispkg and not one.name.startswith("_"))
    return sorted(name for name in found if "def main(" in (here / f"{name}.py").read_text())


def main() -> int:
    """Run; returns how many failed."""
    wanted = sys.argv[1:] or names()
    failed = 0
    for name in wanted:
        if importlib.util.find_spec(f"bench.{name}") is None:
            sys.exit(f"There is no bench {name!r}; there are: {', '.join(names())}.")
        print(f"== bench {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
