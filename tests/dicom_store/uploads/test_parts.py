import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicom_store.errors import Unavailable
from dicom_store.storage.keys import KeyRing
from dicom_store.uploads.parts import RECORD_BYTES, Part, create, open_part

KEYS = KeyRing(b"k" * 32)
AT = datetime(2026, 3, 10, tzinfo=UTC)


def filled(path: Path, *pieces: bytes) -> Part:
    part = create(path, KEYS, b"about")
    for piece in pieces:
        part.append(piece)
    part.sync(AT)
    return part


def test_bytes_come_back_from_everywhere(tmp_path: Path) -> None:
    data = os.urandom(2 * RECORD_BYTES + 1000)
    part = filled(tmp_path / "a" / "x.part", data[:10], data[10 : RECORD_BYTES + 77], data[RECORD_BYTES + 77 :])
    part.close()
    part = open_part(tmp_path / "a" / "x.part", KEYS)
    assert (part.about, part.offset, b"".join(part.pieces())) == (b"about", len(data), data)
    for start, length in ((0, 5), (8, 4), (RECORD_BYTES - 1, 100), (len(data) - 3, 99), (len(data), 1), (0, 1 << 30)):
        assert part.read(start, length) == data[start : start + length]
    part.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    part = filled(tmp_path / "a" / "x.part", b"1")
    with pytest.raises(BlockingIOError):
        open_part(tmp_path / "a" / "x.part", KEYS)
    part.close()
    open_part(tmp_path / "a" / "x.part", KEYS).close()


@pytest.mark.parametrize("how", ["committed", "dropped", "killed"])
def test_held_bytes_count_once_committed(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a" / "x.part"
    part = filled(path, b"sure")
    part.append(b"maybe", held=True)
    part.append(b" more", held=True)
    assert part.offset == 4
    if how == "committed":
        part.sync(AT)
    if how == "dropped":
        part.drop()
    part.close()
    part = open_part(path, KEYS)
    part.append(b"!")
    assert part.read(0, 99) == (b"suremaybe more!" if how == "committed" else b"sure!")
    part.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_a_torn_file_keeps_the_whole_records_before_the_tear(
    tmp_path: Path, pieces: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path / "a" / f"{os.urandom(8).hex()}.part"
    part = create(path, KEYS, b"about")
    first = path.stat().st_size
    ends = [first]
    for piece in pieces:
        part.append(piece)
        ends.append(path.stat().st_size)
    part.close()
    cut = data.draw(st.integers(first, ends[-1]))
    os.truncate(path, cut)
    whole = sum(end <= cut for end in ends[1:])
    part = open_part(path, KEYS)
    assert b"".join(part.pieces()) == b"".join(pieces[:whole])
    part.append(b"after")
    part.close()
    part = open_part(path, KEYS)
    assert b"".join(part.pieces()) == b"".join([*pieces[:whole], b"after"])
    part.close()


def test_changed_moved_and_repeated_records_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a" / "x.part"
    part = create(path, KEYS, b"about")
    sizes = [path.stat().st_size]
    for piece in (b"one", b"two", b"six"):
        part.append(piece)
        sizes.append(path.stat().st_size)
    part.close()
    whole = path.read_bytes()
    one, two = whole[sizes[0] : sizes[1]], whole[sizes[1] : sizes[2]]
    for changed, left in (
        (whole[: sizes[1] + 20] + b"\0" + whole[sizes[1] + 21 :], b"one"),
        (whole[: sizes[0]] + two + one + whole[sizes[2] :], b""),
        (whole[: sizes[1]] + one + whole[sizes[1] :], b"one"),
        (whole + bytes(4096), b"onetwosix"),
        (whole + os.urandom(4096), b"onetwosix"),
    ):
        path.write_bytes(changed)
        part = open_part(path, KEYS)
        assert b"".join(part.pieces()) == left
        part.close()


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a" / "x.part"
    filled(path, b"secret").close()
    assert b"secret" not in path.read_bytes()
    with pytest.raises(Unavailable):
        open_part(path, KeyRing(b"o" * 32))
    part = open_part(path, KeyRing(b"o" * 32, (b"k" * 32,)))
    assert part.read(0, 6) == b"secret"
    part.close()
