"""Keeps what was measured: one section a bench in RESULTS.md, written anew by each run."""

import re
import time
from pathlib import Path

_FILE = Path(__file__).parent / "RESULTS.md"
_HEAD = """# What was measured

Ratios to a peer in the same run count; absolute figures are of this machine. Each section is written by its bench.
"""


def keep(title: str, text: str) -> None:
    """Write a section, in the place of the last one of this title."""
    whole = _FILE.read_text() if _FILE.exists() else _HEAD
    section = f"## {title}\n\n{time.strftime('%Y-%m-%d')}. {text.strip()}\n"
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    known = pattern.search(whole)
    whole = pattern.sub(lambda _: section + "\n", whole) if known else whole.rstrip() + "\n\n" + section
    _FILE.write_text(whole.rstrip() + "\n")
