from datetime import UTC, datetime

import hl7 as outside
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import LabRefused
from dicom_store.labs import hl7
from dicom_store.labs.hl7 import Ack, Fault, Separators, answer, escape, head_of, parse, unescape
from tests.dicom_store.labs.conftest import INTEROP
from tests.dicom_store.labs.messages import WBC, oru

AT = datetime(2026, 3, 10, 4, tzinfo=UTC)
MARKS = st.permutations(list("|^~\\&#$%*!")).map(lambda found: Separators(*found[:5]))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")), MARKS)
def test_escaping_and_unescaping_gives_the_text_back(text: str, marks: Separators) -> None:
    escaped = escape(text, marks)
    assert unescape(escaped, marks) == text
    assert not set(escaped) & {marks.field, marks.component, marks.subcomponent, marks.repetition, "\n", "\r"}


@given(st.text(max_size=200))
def test_no_text_breaks_unescaping(text: str) -> None:
    unescape(text, Separators())


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=12)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=6), st.sampled_from(["\r", "\n", "\r\n"]))
def test_splitting_gives_back_what_was_joined(fields: list[list[str]], end: str) -> None:
    marks = Separators()
    line = "|".join("^".join(escape(part, marks) for part in parts) for parts in fields)
    message = parse(f"MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.4||||||UNICODE UTF-8{end}ZZZ|{line}{end}".encode())
    segment = message.segments[1]
    for number, parts in enumerate(fields, start=1):
        assert [segment.get(number, place) for place in range(1, len(parts) + 1)] == [part.strip() for part in parts]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    for begin in (b"", b"MSH|^~\\&|", b"MSH"):
        try:
            message = parse(begin + raw)
        except LabRefused:
            continue
        answer(message, Ack.ACCEPTED, AT)


def test_escapes_mean_what_the_standard_says() -> None:
    marks = Separators()
    assert unescape(r"a\F\b\S\c\T\d\R\e\E\f", marks) == r"a|b^c&d~e\f"
    assert unescape(r"one\.br\two\X0D\\H\three\N\ ", marks) == "one\ntwo\rthree "
    assert unescape(r"C:\temp\x", marks) == r"C:\temp\x"
    assert unescape(r"\XE6B58B\ ", marks) == "测 "
    assert unescape("\\" * 3, marks) == "\\" * 3


def test_numbers_of_fields_are_the_standards_own() -> None:
    head = parse(oru(WBC).encode()).segments[0]
    assert (head.raw(1), head.get(3), head.get(9, 2), head.get(10), head.get(12)) == ("|", "LIS", "R01", "M1", "2.4")
    assert parse(oru(WBC).encode()).kind == ("ORU", "R01")


def test_other_delimiters_are_used_where_declared() -> None:
    message = parse(b"MSH#*!/%#A#B#C#D#1##ORU*R01#1#P#2.4\rPID#1##X!Y##Wang*Fang\r")
    assert message.segments[1].get(5, 2) == "Fang"
    assert message.segments[1].repetitions(3) == ["X", "Y"]


def test_a_line_that_begins_no_segment_belongs_to_the_text_before() -> None:
    message = parse(oru("TX|1^t^L||first").encode() + b"second | line\nthird\r")
    assert message.segments[-1].fields[-1] == " line\nthird"
    assert len(message.segments) == 4


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"MSH", "no_msh"),
        (b"MSH|&|abc|", "bad_delimiters"),
        (b"MSHABCDE", "bad_delimiters"),
        (b"MSH|^~\\&|" + b"|" * 300, "too_many_fields"),
        (b"MSH|^~\\&|a\r" + b"ZZZ|1\r" * 10_001, "too_many_segments"),
        (b"MSH|^~\\&|a\r" + b"\rz" * 100_001, "too_many_lines"),
        (b"MSH|^~\\&|a" + b" " * hl7.MAX_MESSAGE_BYTES, "too_large"),
    ],
)
def test_a_hostile_message_is_refused_with_its_reason(raw: bytes, code: str) -> None:
    with pytest.raises(LabRefused) as refused:
        parse(raw)
    assert refused.value.code == code


def test_the_answer_speaks_the_senders_charset() -> None:
    raw = oru(WBC, charset="GB 18030-2000").replace("LIS", "检验").encode("gb18030")
    said = answer(parse(raw), Ack.ACCEPTED, AT).decode("gb18030")
    assert said == (
        "MSH|^~\\&|TELE|中心|检验|县医院|20260310040000+0000||ACK^R01^ACK|AM1|P|2.4||||||GB 18030-2000\rMSA|AA|M1\r"
    )


def test_the_answer_is_read_by_another_library() -> None:
    said = answer(parse(oru(WBC).encode()), Ack.ERROR, AT, Fault(102, "no | good"))
    read = outside.parse(said.decode())
    assert str(read.segment("MSA")[1]) == "AE"
    assert str(read.segment("MSA")[2]) == "M1"
    assert read.unescape(str(read.segment("MSA")[3])) == "no | good"


def test_a_fault_of_a_newer_sender_is_an_err_segment() -> None:
    raw = oru(WBC).replace("|2.4|", "|2.5.1|").encode()
    said = answer(parse(raw), Ack.REJECTED, AT, Fault(200, "Only ORU^R01.")).decode()
    assert "ERR|||200^^HL70357|E||||Only ORU\\S\\R01.\r" in said


def test_an_answer_never_carries_a_line_of_the_senders() -> None:
    raw = b"MSH|^~\\&|A\nmsa|AA|B|C|D|1||ORU^R01|x\\.br\\MSA\\F\\AA|P|2.4\r"
    said = answer(parse(raw), Ack.ERROR, AT).decode()
    assert [line[:4] for line in said.split("\r")] == ["MSH|", "MSA|", ""]
    assert "\n" not in said


def test_what_could_not_be_read_is_answered_all_the_same() -> None:
    assert b"MSA|AE|" in answer(None, Ack.ERROR, AT, Fault(102, "x"))
    found = head_of(oru(WBC).encode() + b"\xff\xff")
    assert found is not None
    assert found.control_id == "M1"
    assert head_of(b"\x00\xff") is None


@pytest.mark.skipif(not INTEROP.exists(), reason="shared test data is not here")
def test_real_messages_split_as_another_library_splits_them() -> None:
    compared = 0
    for path in sorted(INTEROP.glob("*/*.hl7")):
        raw = path.read_bytes()
        if path.parent.name == "synthetic_zh" or b"ORU" not in raw[:2000]:
            continue
        ours = parse(raw)
        text = ours.decoded.text.replace("\r\n", "\r").replace("\n", "\r")
        theirs = outside.parse(text)
        if len(theirs) != len(ours.segments):
            continue  # a line that begins no segment: they refuse or split it, we keep it with its text
        for mine, other in zip(ours.segments[1:], theirs[1:], strict=True):
            assert list(mine.fields) == [str(field) for field in other]
        compared += 1
    assert compared > 90
