"""Packs give back what was put in, notice every changed byte, and stop taking films when the disk has failed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from dicom_store.errors import StorageFull, Unavailable
from dicom_store.storage import packs
from dicom_store.storage.blobs import Blobs
from dicom_store.storage.keys import KeyRing

SEGMENT = packs.SEGMENT


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[Blobs]:
    with ThreadPoolExecutor(2) as threads:
        made = Blobs(tmp_path / "packs", KeyRing(b"k" * 32), threads, 1 << 30)
        made.prepare()
        yield made
        made.close()


@pytest.mark.parametrize("length", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 77, 40 * SEGMENT])
def test_films_come_back(blobs: Blobs, length: int) -> None:
    film = os.urandom(length)
    pack = blobs.open()
    refs = [pack.append(film, f"east/{number}", b"{}") for number in range(3)]
    pack.sync()
    for ref in refs:
        assert blobs.read_now(ref) == film


def test_stretches_come_back_without_the_rest(blobs: Blobs) -> None:
    film = os.urandom(5 * SEGMENT + 1234)
    pack = blobs.open()
    ref = pack.append(film, "east/1", b"{}")

    @limits(max_examples=100, deadline=None)
    @given(st.integers(0, len(film)), st.integers(0, len(film)))
    def check(start: int, length: int) -> None:
        assert blobs.read_now(ref, start, length) == film[start : start + length]

    check()


async def test_a_stretch_is_the_same_from_memory_and_from_the_disk(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = os.urandom(3 * SEGMENT + 1000)
    ref = blobs.open().append(film, "east/1", b"{}")
    assert blobs.read_now(ref) == film
    edges = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, len(film) - 1, len(film)]
    stretches = [(start, end - start) for start in edges for end in edges if end >= start]
    here = [await blobs.read(ref, *stretch) for stretch in stretches]
    monkeypatch.setattr(blobs.place, "read_cached", lambda *_: None)
    assert here == [await blobs.read(ref, *stretch) for stretch in stretches]
    assert here == [film[start : start + length] for start, length in stretches]


async def test_a_stream_has_the_same_bytes(blobs: Blobs) -> None:
    film = os.urandom(20 * SEGMENT + 5)
    ref = blobs.open().append(film, "east/1", b"{}")
    pieces = [piece async for piece in blobs.stream(ref, 100, len(film) - 200)]
    assert b"".join(pieces) == film[100:-100]
    assert max(map(len, pieces)) <= 8 * SEGMENT


def test_nothing_of_a_film_or_its_label_is_readable_in_the_pack(blobs: Blobs) -> None:
    pack = blobs.open()
    pack.append(b"PATIENT WANG FANG " * 1000, "east/1.2.3", b'{"name": "east/1.2.3"}')
    written = blobs.path_of(pack.id).read_bytes()
    assert b"WANG" not in written
    assert b"1.2.3" not in written


def test_every_changed_byte_is_noticed(blobs: Blobs) -> None:
    pack = blobs.open()
    ref = pack.append(b"x" * 500, "east/1", b"{}")
    path = blobs.path_of(pack.id)
    whole = bytearray(path.read_bytes())
    for place in range(ref.offset, len(whole), 37):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(Unavailable):
            blobs.read_now(ref)


def test_films_cannot_be_swapped(blobs: Blobs) -> None:
    pack = blobs.open()
    mine = pack.append(b"a" * 500, "east/1", b"{}")
    other = pack.append(b"b" * 500, "west/2", b"{}")
    with pytest.raises(Unavailable):
        blobs.read_now(packs_ref(mine, other))


def packs_ref(mine: Any, other: Any) -> Any:
    return type(mine)(other.pack, other.offset, other.length, mine.name)


def test_another_key_opens_nothing(blobs: Blobs, tmp_path: Path) -> None:
    ref = blobs.open().append(b"film", "east/1", b"{}")
    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(Unavailable):
            Blobs(tmp_path / "packs", KeyRing(b"q" * 32), threads, 1 << 30).read_now(ref)
        after_rotation = Blobs(tmp_path / "packs", KeyRing(b"q" * 32, (b"k" * 32,)), threads, 1 << 30)
        assert after_rotation.read_now(ref) == b"film"


def test_a_label_is_found_without_the_index(blobs: Blobs) -> None:
    pack = blobs.open()
    ref = pack.append(b"film", "east/1", b'{"name":"east/1"}')
    data = blobs.path_of(pack.id).read_bytes()
    header = packs.decode_header(data)
    code = packs.PackCode(blobs.keys.pack_cipher(header.key, header.salt), header)
    assert code.read_label(data[packs.HEADER_BYTES :], packs.HEADER_BYTES) == b'{"name":"east/1"}'
    assert ref.offset > packs.HEADER_BYTES


def test_a_synced_pack_is_taken_up_again(blobs: Blobs) -> None:
    pack = blobs.open()
    blobs.shelve(pack)
    assert blobs.open() is pack


def test_a_pack_that_was_let_go_takes_nothing_more(blobs: Blobs) -> None:
    pack = blobs.open()
    blobs.abandon(pack)
    with pytest.raises(Unavailable):
        pack.append(b"film", "east/1", b"{}")


def test_a_full_disk_is_said_and_is_not_the_end(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = blobs.open()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", full)
        with pytest.raises(StorageFull):
            pack.append(b"film", "east/1", b"{}")
    blobs.abandon(pack)
    assert blobs.read_now(blobs.open().append(b"film", "east/1", b"{}")) == b"film"


def test_after_a_failed_sync_no_film_is_taken_again(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = blobs.open()
    ref = pack.append(b"film", "east/1", b"{}")

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        with pytest.raises(Unavailable):
            pack.sync()
    with pytest.raises(Unavailable):
        pack.sync()
    with pytest.raises(Unavailable):
        pack.append(b"film", "east/2", b"{}")
    with pytest.raises(Unavailable):
        blobs.open()
    assert blobs.read_now(ref) == b"film", "reading goes on"


def test_a_torn_end_is_cut_and_an_empty_pack_goes(blobs: Blobs) -> None:
    pack = blobs.open()
    ref = pack.append(b"film", "east/1", b"{}")
    end = pack.size
    pack.append(b"never indexed", "east/2", b"{}")
    assert not blobs.cut(pack.id, end), "somebody writes it"
    blobs.abandon(pack)
    assert blobs.loose_packs([]) == [pack.id]
    assert blobs.cut(pack.id, end)
    assert blobs.path_of(pack.id).stat().st_size == end
    assert blobs.read_now(ref) == b"film"
    assert blobs.cut(pack.id, 0)
    assert not blobs.path_of(pack.id).exists()


def test_a_pack_of_another_process_is_left_alone(blobs: Blobs) -> None:
    pack = blobs.open()
    code = (
        "import fcntl,sys\nf=open(sys.argv[1],'r+b')\n"
        "try: fcntl.flock(f,fcntl.LOCK_EX|fcntl.LOCK_NB)\nexcept BlockingIOError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(blobs.path_of(pack.id))], check=False).returncode == 7
