"""A recording on the disk says nothing without its key, and every change shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.shelf import SealedFile, SealedShelf, unsealed

KEY = b"k" * 32
SAID = [b"a voice", b"and an answer" * 100]


@pytest.fixture
def file(tmp_path):
    strip = SealedShelf(tmp_path / "new", KEY).open("one")
    for piece in SAID:
        strip.write(piece)
    strip.close()
    return tmp_path / "new" / "one"


def test_what_was_written_is_read(file):
    cut = []
    assert list(unsealed(file, KEY, lambda: cut.append(1))) == SAID
    assert not cut
    assert b"voice" not in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0


def test_another_key_opens_nothing(file):
    with pytest.raises(ValueError, match="key"):
        list(unsealed(file, b"x" * 32))


def test_a_file_that_was_cut_short_is_read_as_far_as_it_goes_and_says_so(file):
    whole, cut = file.read_bytes(), []
    for length in (len(whole) - 1, len(whole) - 20, len(whole) - 30, 60, 25, 20):
        file.write_bytes(whole[:length])
        cut.clear()
        assert list(unsealed(file, KEY, lambda: cut.append(1))) == SAID[: len(list(unsealed(file, KEY)))]
        assert cut == [1]


def test_a_name_is_taken_once(file):
    with pytest.raises(FileExistsError):
        SealedShelf(file.parent, KEY).open(file.name)


def test_every_changed_bit_shows(file):
    whole = file.read_bytes()

    @given(st.integers(0, len(whole) * 8 - 1))
    def flipped(bit):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        cut = []
        try:
            read = list(unsealed(file, KEY, lambda: cut.append(1)))
        except ValueError:
            return
        assert cut, "a changed length looks like a cut"
        assert read == SAID[: len(read)]

    flipped()


def test_pieces_cannot_change_places(tmp_path):
    strip = SealedShelf(tmp_path, KEY).open("one")
    for piece in (b"first", b"other"):
        strip.write(piece)
    strip.close()
    whole = (tmp_path / "one").read_bytes()
    size = 4 + 5 + 16
    moved = whole[:20] + whole[20 + size : 20 + 2 * size] + whole[20 : 20 + size] + whole[20 + 2 * size :]
    (tmp_path / "one").write_bytes(moved)
    with pytest.raises(ValueError, match="changed"):
        list(unsealed(tmp_path / "one", KEY))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(0, 330), st.integers(0, 330))
def test_any_stretch_is_read_as_if_the_file_were_open(tmp_path_factory, pieces, start, length):
    folder = tmp_path_factory.mktemp("shelf")
    strip = SealedShelf(folder, KEY).open("one")
    for piece in pieces:
        strip.write(piece)
    assert SealedFile(folder / "one", KEY).cut, "it is still being written"
    strip.close()
    found, whole = SealedFile(folder / "one", KEY), b"".join(pieces)
    assert (found.size, found.cut) == (len(whole), False)
    assert b"".join(found.read(start, length)) == whole[start : start + length]


def test_a_stretch_of_a_changed_file_is_refused_and_another_piece_still_read(file):
    data = bytearray(file.read_bytes())
    data[-40] ^= 1
    file.write_bytes(data)
    found = SealedFile(file, KEY)
    assert b"".join(found.read(0, 7)) == SAID[0]
    with pytest.raises(ValueError, match="changed"):
        list(found.read(7, 5))
    file.write_bytes(b"something else")
    with pytest.raises(ValueError, match="not a recording"):
        SealedFile(file, KEY)
