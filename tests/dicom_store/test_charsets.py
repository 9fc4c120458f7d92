"""Texts are shown as they were meant, also where the label is wrong; folding forgives case, width and pinyin."""

from __future__ import annotations

import io
import json

import pydicom
import pytest

from dicom_store import charsets
from dicom_store.description import describe
from dicom_store.model import Flag
from tests.builders import films

CHARSETS = [path for path in films.real_films() if path.name.startswith("chr")]


def name_of(film: bytes) -> str:
    header = json.loads(b"{" + describe(film).header + b"}")
    return "=".join(header["00100010"]["Value"][0].values())


def labelled(name: bytes, label: str | None) -> bytes:
    """A film whose name has these bytes under this label."""
    marker = b"#" * len(name)
    film = films.film(PatientName=marker.decode(), SpecificCharacterSet=label)
    return film.replace(marker, name)


@pytest.mark.parametrize("name", ["王^芳", "欧阳^小明", "喆^镕", "李^梅(儿科)", "ZHANG^San=张^三"])
@pytest.mark.parametrize("codec", ["gb18030", "utf-8"])
@pytest.mark.parametrize("label", ["ISO_IR 100", "ISO_IR 6", "", None])
def test_chinese_under_a_false_label_is_shown_and_flagged(name: str, codec: str, label: str | None) -> None:
    film = labelled(name.encode(codec), label)
    assert name_of(film).replace("=", "") == name.replace("=", "")
    assert Flag.CHARSET_GUESSED in describe(film).flags


@pytest.mark.parametrize("name", ["Müller^Jörg", "Conceição^João", "Ñuñez^Íñigo", "Buc^Jérôme", "Ærøskøbing"])
def test_latin_names_stay_latin(name: str) -> None:
    film = labelled(name.encode("latin-1"), "ISO_IR 100")
    assert name_of(film) == name
    assert Flag.CHARSET_GUESSED not in describe(film).flags


@pytest.mark.parametrize("label", ["GB18030", "GBK", "ISO_IR 192"])
def test_a_true_label_is_believed(label: str) -> None:
    codec = "utf-8" if label == "ISO_IR 192" else "gb18030"
    film = labelled("诸葛^亮𠮷".encode(codec), label)
    assert name_of(film) == "诸葛^亮𠮷"
    assert describe(film).flags == frozenset()


def test_a_backslash_within_a_character_does_not_split_it() -> None:
    raw = "誠".encode("gbk")
    assert b"\\" in raw
    assert name_of(labelled(raw, "GB18030")) == "誠"


def test_iso_2022_ir_58_leaves_no_escapes() -> None:
    escaped = b"Wang^XiaoDong=" + b"\x1b$)A" + "王".encode("gb2312") + b"^" + b"\x1b$)A" + "小东".encode("gb2312")
    assert name_of(labelled(escaped, "\\ISO 2022 IR 58")) == "Wang^XiaoDong=王^小东"


@pytest.mark.parametrize(
    "path", [path for path in films.real_films() if path.name.startswith("chr")], ids=lambda path: path.name
)
def test_names_are_what_pydicom_reads(path: pydicom.dataset.Dataset) -> None:
    data = path.read_bytes()
    expected = str(pydicom.dcmread(io.BytesIO(data)).PatientName)
    found = name_of(data)
    for group in expected.split("="):
        assert charsets._ESCAPE.sub("", group).strip() in found


def test_control_characters_do_not_get_through() -> None:
    assert name_of(labelled(b"Wa\x07ng\x1b[31m", "ISO_IR 192")) == "Wang[31m"


@pytest.mark.parametrize(
    ("text", "folded"),
    [("WANG^Fang ", "wang fang"), ("Ｗａｎｇ", "wang"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("a  b", "a b")],
)
def test_folding_forgives(text: str, folded: str) -> None:
    assert charsets.fold(text) == folded


def test_a_name_sounds_like_its_pinyin() -> None:
    words = charsets.sounds("王^小明").split()
    assert {"wang", "xiao", "ming", "xiaoming", "wangxiaoming", "王", "小明", "王小明"} <= set(words)
    assert charsets.fuzzy_words("王小明") == ("wang", "xiao", "ming")
    assert charsets.fuzzy_words("Wang^X*") == ("wang", "x")


@pytest.mark.parametrize("word", ["ISO_IR \x001", "\x00\x00a", "punycode", "rot13", "ISO_IR 1g2", "\udcff", "zlib"])
def test_a_word_that_names_no_character_set_is_passed_over(word: str) -> None:
    for terms in ((word,), ("ISO 2022 IR 6", word), (word, "ISO 2022 IR 58")):
        assert charsets.charset_of(terms, [b"\xe9t\xe9"]).decode(b"\xe9t\xe9") == "\xe9t\xe9"
