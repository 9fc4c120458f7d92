"""Brings what the tests use beside Python by apt where it may: browser, databases, DICOM tools, fonts.

Where it may not, one line says which tests are skipped for want of what.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# package -> (how to see that it is there, what its absence skips)
WANTED = {
    "chromium": (lambda: shutil.which("chromium"), "journeys in a browser"),
    "redis-server": (lambda: shutil.which("redis-server"), "tests over Redis"),
    "postgresql": (lambda: any(Path("/usr/lib/postgresql").glob("*/bin/postgres")), "tests over PostgreSQL"),
    "dcmtk": (lambda: shutil.which("storescu"), "tests with dcmtk's tools"),
    "fonts-noto-cjk": (lambda: any(Path("/usr/share/fonts").glob("**/NotoSansCJK*")), "Chinese in screenshots"),
    "poppler-utils": (lambda: shutil.which("pdftotext"), "reading signed PDFs with a second program"),
    "strace": (lambda: shutil.which("strace"), "power cuts, replayed from what a process wrote"),
}


def missing() -> list[str]:
    """Names of the packages that are not there."""
    return [name for name, (there, _) in WANTED.items() if not there()]


def install(packages: list[str]) -> bool:
    """Install by apt, as root or by sudo without a password. Returns whether it worked."""
    if not shutil.which("apt-get"):
        return False
    prefix = [] if os.getuid() == 0 else ["sudo", "-n"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        try:
            subprocess.run([*prefix, "apt-get", *words], env=quiet, check=True, capture_output=True, timeout=900)
        except (subprocess.SubprocessError, OSError):
            return False
    return True


def main() -> None:
    """Install what is missing and say what is skipped without it."""
    lacking = missing()
    if lacking:
        print(f"Installing for the tests: {', '.join(lacking)} …", file=sys.stderr)
        install(lacking)
    for name in missing():
        print(f"{name} is not installed and could not be: skipping {WANTED[name][1]}.", file=sys.stderr)


if __name__ == "__main__":
    main()
