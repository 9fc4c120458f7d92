from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import LabRefused
from dicom_store.labs.hl7 import parse
from dicom_store.labs.ingest import CHINA, judged
from dicom_store.labs.model import (
    Absent,
    Attachment,
    Coded,
    Comparator,
    Flag,
    LabReport,
    Notice,
    Numeric,
    Sex,
    Status,
    Structured,
    Textual,
    Value,
    check,
)
from dicom_store.labs.oru import reports_of
from dicom_store.labs.oruvalues import moment, partial_date
from tests.dicom_store.labs.conftest import INTEROP
from tests.dicom_store.labs.messages import POTASSIUM, WBC, oru


def read(text: str) -> list[LabReport]:
    return [judged(check(each)) for each in reports_of(parse(text.encode()), CHINA)]


def value(result: str) -> Value:
    return read(oru(result))[0].observations[0].value


def test_a_panel_is_read_with_its_patient_and_times() -> None:
    (report,) = read(oru(WBC, POTASSIUM) + "NTE|1||危急值\\.br\\第二行\r")
    assert (report.patient.name, report.patient.identifier, report.patient.sex) == ("测试甲", "T000123", Sex.MALE)
    assert report.patient.birth_date == "1965-01-02"
    assert (report.panel, report.panel_code, report.specimen, report.order) == ("血常规", "58410-2", "全血", "FL1")
    assert report.collected_at == datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
    wbc, potassium = report.observations
    assert (wbc.name, wbc.unit, wbc.ucum, wbc.range_low) == ("白细胞", "10*9/L", "10*9/L", Decimal("3.5"))
    assert wbc.flags == ("H",)
    assert wbc.computed is Flag.HIGH
    assert potassium.value == Numeric(">7.0", Decimal("7.0"), Comparator.GREATER)
    assert potassium.critical
    assert potassium.comment == "危急值\n第二行"
    assert report.critical


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("NM|a^A||12.30", Numeric("12.30", Decimal("12.30"))),
        ("NM|a^A||0065.88", Numeric("0065.88", Decimal("65.88"))),
        ("NM|a^A||*****", Absent("*****")),
        ("NM|a^A||", Absent("")),
        ("NM|a^A||NaN", Textual("NaN")),
        ("NM|a^A||1e99", Textual("1e99")),
        ("NM|a^A||１２", Textual("１２")),
        ("IS|a^A||0.0", Numeric("0.0", Decimal("0.0"))),
        ("IS|a^A||O", Textual("O")),
        ("ST|a^A||≤ 3", Numeric("≤ 3", Decimal(3), Comparator.AT_MOST)),
        ("ST|a^A||阴性", Textual("阴性")),
        ("|a^A||5", Numeric("5", Decimal(5))),
        ("SN|a^A||^182", Numeric("182", Decimal(182))),
        ("SN|a^A||=^16", Numeric("16", Decimal(16))),
        ("SN|a^A||>^100", Numeric(">100", Decimal(100), Comparator.GREATER)),
        ("SN|a^A||^1^:^128", Structured("1:128")),
        ("SN|a^A||^2^+", Structured("2+")),
        ("CE|a^A||260^Detected^SCT", Coded("Detected", "260", "SCT")),
        ("CWE|a^A||^^^L1^Local text^L", Coded("Local text")),
        ("CWE|a^A||1^One^L~2^Two^L", Coded("One; Two")),
        ("CWE|a^A||^^^^", Absent()),
        ("TX|a^A||line one~line two", Textual("line one\nline two")),
        ("FT|a^A||7", Textual("7")),
        ("ST|a^A||A^B", Textual("A^B")),
        ("DT|a^A||20240811", Textual("2024-08-11")),
        ("XPN|a^A||Wang^Fang", Textual("Wang Fang")),
        ("ED|a^A||^Image^BMP^Base64^Qk0=", Attachment("Image BMP", "image/bmp", b"BM")),
        ("ED|a^A||^Image^PNG^Hex^8950", Attachment("Image PNG", "image/png", b"\x89P")),
        ("ED|a^A||^Image^PNG^Base64^not!base64", Absent("Image PNG (damaged)")),
    ],
)
def test_a_value_is_read_by_what_it_is(result: str, expected: Value) -> None:
    assert value(result) == expected


def test_several_flags_are_all_kept_and_the_archives_own_stands_beside() -> None:
    (observation,) = read(oru("IS|6690-2^WBC^LN||0.0|10*9/L|4.0-10.0|L~N|||F"))[0].observations
    assert observation.flags == ("L", "N")
    assert observation.computed in (Flag.LOW, Flag.VERY_LOW)


def test_loinc_is_preferred_and_the_laboratorys_own_name_kept() -> None:
    (observation,) = read(oru("NM|WBC^白细胞^99MRC^6690-2^Leukocytes^LN||5"))[0].observations
    assert (observation.code, observation.system, observation.name) == ("6690-2", "LN", "白细胞")


def test_each_order_with_results_is_a_report_of_its_own() -> None:
    second = "OBR|2|PL2|FL2|24326-1^电解质^LN|||20260310\rOBX|1|" + POTASSIUM + "\r"
    empty = "OBR|3|PL3|FL3|x^Empty\r"
    assert [each.panel for each in read(oru(WBC) + second + empty)] == ["血常规", "电解质"]


def test_two_patients_in_a_message_are_two_patients() -> None:
    other = oru(POTASSIUM, name="李^四").split("\r", 1)[1]
    assert [each.patient.name for each in read(oru(WBC) + other)] == ["测试甲", "李四"]


@pytest.mark.parametrize(
    ("status", "expected"), [("F", Status.FINAL), ("C", Status.CORRECTED), ("P", Status.PRELIMINARY),
                             ("X", Status.CANCELLED), ("Q", Status.UNKNOWN)]
)  # fmt: skip
def test_the_reports_status_is_read(status: str, expected: Status) -> None:
    assert read(oru(WBC).replace("HM|F\r", f"HM|{status}\r"))[0].status is expected


def test_a_withdrawn_result_is_never_flagged() -> None:
    (observation,) = read(oru("NM|2823-3^K^LN||9|mmol/L|3.5-5.3|N|||W"))[0].observations
    assert observation.status is Status.WITHDRAWN
    assert observation.computed is None


def test_a_test_message_says_so() -> None:
    assert read(oru(WBC).replace("|P|2.4", "|T|2.4"))[0].notices == (Notice.TEST_MESSAGE,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (oru(WBC).replace("ORU^R01", "ADT^A01"), "unsupported_type"),
        (oru(), "no_results"),
        (oru("NM|||"), "no_results"),
        (oru(WBC).replace("PID|", "ZID|"), "no_pid"),
        (oru(WBC).replace("OBR|", "ZBR|"), "no_obr"),
        (oru(*[WBC] * 2_001), "too_many"),
        (oru("TX|a^A||" + "x" * 70_000), "text_too_long"),
        (oru(WBC).replace("T000123", "x" * 600), "text_too_long"),
    ],
)
def test_a_message_that_cannot_be_a_report_is_refused(text: str, code: str) -> None:
    with pytest.raises(LabRefused) as refused:
        read(text)
    assert refused.value.code == code


def test_times_are_aware_and_nonsense_is_no_time() -> None:
    west = timezone(timedelta(hours=-6))
    assert moment("20260310101500", CHINA) == datetime(2026, 3, 10, 2, 15, tzinfo=UTC)
    assert moment("200808151000-0700", CHINA) == datetime(2008, 8, 15, 17, tzinfo=UTC)
    assert moment("20280802085201.0000+0000", west) == datetime(2028, 8, 2, 8, 52, 1, tzinfo=UTC)
    for nonsense in ("", "2026", "20261301", "20260230", "20260310-9999", "２０２６０３１０", "00010101+1400"):
        assert moment(nonsense, CHINA) is None
    assert partial_date("1965") == "1965"
    assert partial_date("196513") == ""
    assert partial_date("19650102235959") == "1965-01-02"


@given(st.lists(st.sampled_from(["PID|1", "OBR|1", "NTE|1||n", "SPM|1", "OBX|1|SN|a||^1", "OBX", "MSH|x", "ZZZ|||"])))
def test_no_order_of_segments_breaks_the_reader(lines: list[str]) -> None:
    try:
        reports_of(parse("\r".join(["MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.4", *lines]).encode()), CHINA)
    except LabRefused as refused:
        assert refused.code


HERE = pytest.mark.skipif(not INTEROP.exists(), reason="shared test data is not here")


@HERE
def test_every_real_message_is_read_or_refused_with_a_reason() -> None:
    read_well, refused = [], {}
    for path in sorted(INTEROP.glob("*/*.hl7")):
        raw = path.read_bytes()
        if b"|ORU^R01" not in raw[:1000]:
            continue
        try:
            message = parse(raw)
            for report in reports_of(message, CHINA):
                judged(check(report))
            read_well.append(path.name)
        except LabRefused as error:
            refused[path.name] = error.code
    assert len(read_well) >= 100
    assert refused == {"BDB_LAB_13.hl7": "no_obr"}


@HERE
@pytest.mark.parametrize(
    ("file", "name"),
    [("bom_and_lf_utf8", "测试丁"), ("cbc_critical_gb18030", "测试甲二"), ("cbc_critical_utf8", "测试甲一"),
     ("cbc_gbk_undeclared", "测试甲三"), ("declared_utf8_really_gbk", "测试戊"),
     ("delimiter_trailbyte_gbk", "唡哵唦哱"), ("rare_name_gb18030_4byte", "㑇𠮷𤭢")],
)  # fmt: skip
def test_names_numbers_and_units_of_every_chinese_charset_are_right(file: str, name: str) -> None:
    (report,) = reports_of(parse((INTEROP / "synthetic_zh" / f"{file}.hl7").read_bytes()), CHINA)
    report = judged(report)
    assert report.patient.name == name
    assert [each.name for each in report.observations] == ["白细胞", "血红蛋白", "血小板", "钾"]
    assert [each.value.text for each in report.observations] == ["12.3", "52", "18", ">7.0"]
    assert [each.ucum for each in report.observations] == ["10*9/L", "g/L", "10*9/L", "mmol/L"]
    assert [each.flags for each in report.observations] == [("H",), ("LL",), ("LL",), ("HH",)]
    assert [each.computed for each in report.observations] == [Flag.HIGH, Flag.LOW, Flag.VERY_LOW, Flag.VERY_HIGH]
    assert report.observations[3].comment.startswith("危急值，已电话通知")


@HERE
def test_the_analyser_that_sends_numbers_as_words_is_read() -> None:
    (report,) = reports_of(
        parse((INTEROP / "synthetic_zh/declared_unicode_really_utf8_mindraylike.hl7").read_bytes()), CHINA
    )
    assert report.patient.name == "测试丙"
    kinds = [type(each.value) for each in report.observations]
    assert kinds == [Textual, Numeric, Absent, Attachment]
