import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import LabRefused
from dicom_store.labs.charsets import decode
from dicom_store.labs.model import Notice


def head(declared: str, text: str = "") -> str:
    return f"MSH|^~\\&|LIS|哵唦医院|T|C|20260310||ORU^R01|1|P|2.4||||||{declared}\rPID|1||{text}\r"


@pytest.mark.parametrize(
    ("declared", "written", "codec", "notice"),
    [
        ("UNICODE UTF-8", "utf-8", "utf-8", None),
        ("UNICODE", "utf-8", "utf-8", None),
        ("GB 18030-2000", "gb18030", "gb18030", None),
        ("GB2312", "gbk", "gb18030", None),
        ("", "utf-8", "utf-8", Notice.CHARSET_UNDECLARED),
        ("", "gbk", "gb18030", Notice.CHARSET_UNDECLARED),
        ("UNICODE UTF-8", "gbk", "gb18030", Notice.CHARSET_MISDECLARED),
        ("GB 18030-2000", "utf-8", "utf-8", Notice.CHARSET_MISDECLARED),
        ("8859/1", "gb2312", "gb18030", Notice.CHARSET_MISDECLARED),
        ("NONSENSE", "gb18030", "gb18030", Notice.CHARSET_MISDECLARED),
        ("GB 18030-2000~UNICODE UTF-8", "gb18030", "gb18030", None),
    ],
)
def test_the_charset_is_what_the_bytes_are(declared: str, written: str, codec: str, notice: Notice | None) -> None:
    text = head(declared, "王芳").replace("哵唦", "人民" if written == "gb2312" else "哵唦")
    found = decode(text.encode(written))
    assert (found.text, found.codec, found.notice) == (text, codec, notice)


def test_a_byte_order_mark_is_taken_off() -> None:
    assert decode(b"\xef\xbb\xbf" + head("").encode()).text.startswith("MSH|")


@pytest.mark.parametrize("unit", ["5 µmol/L", "25 °C", "René Müller"])
def test_undeclared_two_byte_utf8_of_the_west_is_utf8(unit: str) -> None:
    raw = f"MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.4\rOBX|1|NM|x||{unit}\r".encode()
    assert decode(raw).text.endswith(f"{unit}\r")


def test_declared_latin_1_is_latin_1() -> None:
    raw = head("8859/1", "Müller").replace("哵唦医院", "H").encode("latin-1")
    assert decode(raw).notice is None
    assert "Müller" in decode(raw).text


def test_every_gbk_character_survives_whatever_its_second_byte() -> None:
    tricky = [bytes([lead, trail]) for lead in range(0x81, 0xFF) for trail in b"|^~\\"]
    names = "".join(found for pair in tricky if len(found := pair.decode("gbk", "ignore")) == 1 and ord(found) > 127)
    assert len(names) > 100
    for declared in ("GB 18030-2000", "", "UNICODE UTF-8"):
        text = head(declared, names)
        assert decode(text.encode("gb18030")).text == text


@pytest.mark.parametrize("raw", [b"", b"PID|1", b"\x00\x01", b"MS", b"\xff\xfeM\x00S\x00H\x00"])
def test_what_is_no_message_is_refused(raw: bytes) -> None:
    with pytest.raises(LabRefused) as refused:
        decode(raw)
    assert refused.value.code == "no_msh"


def test_bytes_of_no_charset_are_refused() -> None:
    with pytest.raises(LabRefused) as refused:
        decode(head("", "").replace("哵唦医院", "H").encode() + b"OBX|\xff\xff\xff\r")
    assert refused.value.code == "bad_charset"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_decoder(raw: bytes) -> None:
    try:
        decode(b"MSH|^~\\&|" + raw)
    except LabRefused as refused:
        assert refused.code in ("no_msh", "bad_charset")


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=30))
def test_chinese_text_in_any_true_charset_comes_back(name: str) -> None:
    for declared, codec in (("UNICODE UTF-8", "utf-8"), ("GB 18030-2000", "gb18030"), ("", "utf-8")):
        text = head(declared, name)
        assert decode(text.encode(codec)).text == text
