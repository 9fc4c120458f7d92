"""Hostile films cost bounded time and memory each, and end in a refusal with a reason or in a description."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.builders import films

ROOT = Path(__file__).resolve().parents[2]
READER = """
import json, resource, sys, time
from dicom_store.description import describe
from dicom_store.errors import FilmRefused
film = open(sys.argv[1], "rb").read()
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun = time.process_time()
try:
    describe(film)
    said = "read"
except FilmRefused as refused:
    said = refused.code
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([said, time.process_time() - begun, (after - before) / 1024]))
"""
_HEAD = films.film(4)[:132]


def meta(syntax: str) -> bytes:
    text = syntax.encode() + b"\0" * (len(syntax) % 2)
    return _HEAD + struct.pack("<HH2sH", 2, 0x10, b"UI", len(text)) + text


def short(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def long(group: int, number: int, vr: bytes, length: int, value: bytes = b"") -> bytes:
    return struct.pack("<HH2sHI", group, number, vr, 0, length) + value


LITTLE, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    pieces = [packer.compress(b"\0" * (16 << 20)) for _ in range(40)]
    return meta(DEFLATED) + b"".join(pieces) + packer.flush()


UID = short(8, 0x18, b"UI", b"1.2.3\0")
WHOLE = films.film(64)
EMPTY, ENDLESS = b"\xfe\xff\0\xe0\0\0\0\0", b"\xfe\xff\0\xe0\xff\xff\xff\xff"
HOSTILE = {
    "length beyond the end": meta(LITTLE) + UID + long(0x7FE0, 0x10, b"OB", 0xFFFFFFFE),
    "sequence without end": meta(LITTLE) + UID + long(8, 0x1140, b"SQ", 0xFFFFFFFF),
    "sequences in sequences": meta(LITTLE) + (long(8, 0x1140, b"SQ", 0xFFFFFFFF) + ENDLESS) * 50_000,
    "four million empty elements": meta(LITTLE) + short(8, 8, b"CS", b"") * 4_000_000,
    "a million items": meta(LITTLE) + long(8, 0x1140, b"SQ", 0xFFFFFFFF, EMPTY * 1_000_000),
    "a million fragments": meta("1.2.840.10008.1.2.4.50") + long(0x7FE0, 0x10, b"OB", 0xFFFFFFFF, EMPTY * 1_000_000),
    "deflate bomb": bomb(),
    "deflated million elements": meta(DEFLATED) + deflated(short(8, 8, b"CS", b"") * 3_000_000),
    "text of 60 MB": meta(LITTLE) + long(0x40, 0xA160, b"UT", 60 << 20, b"\xb0\xa1" * (30 << 20)),
    "million values": meta(LITTLE) + UID + long(8, 0x1161, b"UC", 2 << 20, b"1\\" * (1 << 20)),
    "traversal as UID": WHOLE.replace(b"1.2.826.0.1", b"../../../.."),
    "a program in the preamble": b"MZ" + b"\x90" * 126 + WHOLE[128:],
    "a page before the film": b"<html><script>" + WHOLE,
    "cut in the middle": WHOLE[: len(WHOLE) // 2],
    "meta without end": _HEAD + short(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0") * 40_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_time_and_memory_are_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(HOSTILE[name])
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-500:]
    said, seconds, mebibytes = json.loads(done.stdout)
    assert said == "read" if name == "a program in the preamble" else said != "read", said
    assert seconds < 20
    assert mebibytes < 1200
