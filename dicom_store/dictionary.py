"""The standard's data dictionary: what a tag's value is, which tag a keyword names. Pure.

Kept as one text and searched on demand (answers are remembered): a table of objects would cost every process of the
archive twenty times the memory for a few hundred tags that ever occur. `tools/dicom_dictionary.py` writes the text.

Source: DICOM PS3.6.
"""

import re
from functools import lru_cache
from pathlib import Path

# With a line break before every entry, so that a tag or keyword is found only as a whole.
_TEXT = b"\n" + Path(__file__).with_name("dictionary.txt").read_bytes()
_REPEATED = [
    (re.compile(line[:8].replace("x", "[0-9A-F]")), line.split(" ")[1])
    for line in _TEXT.decode().splitlines()
    if "x" in line[:8]
]


@lru_cache(maxsize=8192)
def vr_of(tag: int) -> str | None:
    """The value representation of a standard attribute, as `US or SS` where several are possible; None if unknown."""
    word = f"{tag:08X}"
    start = _TEXT.find(f"\n{word} ".encode())
    if start >= 0:
        start += 10
        found = _TEXT[start : _TEXT.index(b" ", start)].decode()
    else:
        found = next((vr for mask, vr in _REPEATED if mask.fullmatch(word)), "")
    return found.replace("_", " ") or None


@lru_cache(maxsize=8192)
def keyword_of(tag: int) -> str:
    """The keyword of a standard attribute; "" if it has none."""
    start = _TEXT.find(f"\n{tag:08X} ".encode())
    return _TEXT[start + 1 : _TEXT.index(b"\n", start + 1)].rsplit(b" ", 1)[1].decode() if start >= 0 else ""


@lru_cache(maxsize=1024)
def tag_of(keyword: str) -> int | None:
    """The tag that a keyword names; None for none."""
    if not keyword.isascii() or not keyword.isalnum():
        return None
    end = _TEXT.find(f" {keyword}\n".encode())
    if end < 0:
        return None
    word = _TEXT[_TEXT.rindex(b"\n", 0, end) + 1 :][:8]
    return None if b"x" in word else int(word, 16)
