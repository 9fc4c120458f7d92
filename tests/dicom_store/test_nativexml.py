"""The native DICOM model in XML says what the JSON says, and hostile XML costs a refusal."""

from __future__ import annotations

import json
import string
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store import nativexml
from dicom_store.errors import FilmRefused

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12).map(lambda text: text + "x")
NAME = st.fixed_dictionaries({"Alphabetic": st.text(string.ascii_letters + "^", min_size=1).map(lambda t: f"A{t}Z")})
PLAIN: list[tuple[str, str, st.SearchStrategy[Any]]] = [
    ("00100020", "LO", TEXT),
    ("00100010", "PN", NAME.filter(lambda name: name["Alphabetic"].count("^") < 5)),
    ("00280010", "US", st.integers(0, 65535)),
    ("00281050", "DS", st.floats(-1e6, 1e6)),
    ("00200013", "IS", st.integers(-(2**31), 2**31 - 1)),
    ("00189087", "FD", st.floats(allow_nan=False, allow_infinity=False)),
    ("00080018", "UI", st.just("1.2.3")),
]


def sets(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        tag: st.lists(values, min_size=1, max_size=3).map(lambda found, vr=vr: {"vr": vr, "Value": found})
        for tag, vr, values in PLAIN
    }
    fields["00420011"] = st.just({"vr": "OB", "InlineBinary": "AAEC"})
    fields["7FE00010"] = st.just({"vr": "OW", "BulkDataURI": "http://x/a?b&c"})
    fields["00101010"] = st.just({"vr": "AS"})
    if depth:
        inner = st.lists(sets(depth - 1), min_size=1, max_size=2)
        fields["00400275"] = inner.map(lambda items: {"vr": "SQ", "Value": items})
    return st.fixed_dictionaries({}, optional=fields)


@given(sets(2))
def test_xml_says_what_json_says(data_set: dict[str, Any]) -> None:
    assert nativexml.from_xml(nativexml.to_xml(data_set)) == data_set


def test_the_form_is_that_of_the_standard() -> None:
    text = nativexml.json_to_xml(
        json.dumps(
            {
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Fang", "Ideographic": "王^芳"}]},
                "00090010": {"vr": "LO", "Value": ["ACME <1>"]},
                "00091002": {"vr": "LO", "Value": ["a & b\x07"]},
            }
        ).encode()
    )
    root = ElementTree.fromstring(text)  # noqa: S314  (ours)
    space = f"{{{nativexml.NAMESPACE}}}"
    name, private = root.findall(f"{space}DicomAttribute")[::-1]
    assert (name.get("tag"), name.get("vr"), name.get("keyword")) == ("00100010", "PN", "PatientName")
    groups = f"{space}PersonName[@number='1']/{space}"
    assert name.findtext(f"{groups}Alphabetic/{space}FamilyName") == "Wang"
    assert name.findtext(f"{groups}Ideographic/{space}GivenName") == "芳"
    assert (private.get("tag"), private.get("privateCreator")) == ("00090002", "ACME <1>")
    assert private.findtext(f"{space}Value") == "a & b"
    back = nativexml.from_xml(text)
    assert back["00090010"] == {"vr": "LO", "Value": ["ACME <1>"]}
    assert back["00091002"] == {"vr": "LO", "Value": ["a & b"]}


HEAD = f'<NativeDicomModel xmlns="{nativexml.NAMESPACE}">'
ITEM = '<DicomAttribute tag="00400275" vr="SQ"><Item number="1">'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<a/>",
        HEAD,
        f"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>{HEAD}</NativeDicomModel>",
        f'<!DOCTYPE x SYSTEM "file:///etc/passwd">{HEAD}</NativeDicomModel>',
        f"{HEAD}<DicomAttribute/></NativeDicomModel>",
        f'{HEAD}<DicomAttribute tag="zz"/></NativeDicomModel>',
        f"{HEAD}<Item/></NativeDicomModel>",
        f"{HEAD}{HEAD}</NativeDicomModel></NativeDicomModel>",
        HEAD + ITEM * 100 + "</Item></DicomAttribute>" * 100 + "</NativeDicomModel>",
        '<?xml version="1.0" encoding="utf-7"?><a/>',
    ],
)
def test_what_is_not_the_model_is_refused(text: str) -> None:
    with pytest.raises(FilmRefused):
        nativexml.from_xml(text.encode())


PIECES = [
    HEAD,
    ITEM,
    "</Item>",
    "</DicomAttribute>",
    "<Value>1</Value>",
    "<PersonName>",
    "</PersonName>",
    "<Alphabetic>",
]


@given(st.lists(st.sampled_from([*PIECES, "</Alphabetic>", "</NativeDicomModel>", "x"]), max_size=14))
def test_scrambled_xml_is_a_data_set_or_a_refusal(pieces: list[str]) -> None:
    try:
        assert isinstance(nativexml.from_xml("".join(pieces).encode()), dict)
    except FilmRefused as refused:
        assert refused.code == "metadata"
