"""QIDO-RS finds what matches, at every level, and an empty list where nothing does."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from dicom_store import nativexml
from tests.builders import films
from tests.dicom_store.dicomweb.wire import parts_of, post

JSON = "application/dicom+json"


async def find(client: Any, path: str) -> list[dict[str, Any]]:
    answer = await client.get("/dicomweb" + path)
    assert answer.status == 200, await answer.text()
    assert answer.content_type == JSON
    found: list[dict[str, Any]] = await answer.json(content_type=JSON)
    return found


@pytest.fixture
async def filled(client: Any) -> Any:
    """Three studies: a CT of two series, an MR of Mr Müller, a CR with a GBK name under a false label."""
    shared = {"StudyInstanceUID": "1.1"}
    ct = [
        *films.ct_series(3, SeriesInstanceUID="1.1.1", **shared),
        *films.ct_series(2, SeriesInstanceUID="1.1.2", SeriesNumber=2, SeriesDescription="Bone", **shared),
    ]
    mr = films.film(
        StudyInstanceUID="2.1", PatientName="Müller^Jörg", PatientID="P_2%", Modality="MR", StudyDate="20250105",
        StudyTime="235959", AccessionNumber="B*2",
    )  # fmt: skip
    data = films.dataset(
        StudyInstanceUID="3.1", Modality="CR", StudyDate="20240101", PatientID="P3", AccessionNumber="C3"
    )
    data.SpecificCharacterSet = "GB18030"
    data.PatientName = "李^小明"
    cr = films.encode(data).replace(b"GB18030 ", b"ISO_IR 6").replace(b"GB18030", b"ISO_IR6")
    assert (await post(client, [*ct, mr, cr])).status == 200
    return client


@pytest.mark.parametrize(
    ("query", "studies"),
    [
        ("", ["1.1", "2.1", "3.1"]),
        ("PatientID=P1", ["1.1"]),
        ("00100020=p1", ["1.1"]),
        ("PatientID=P_2%25", ["2.1"]),
        ("PatientID=P*", ["1.1", "2.1", "3.1"]),
        ("PatientID=P%3F", ["1.1", "3.1"]),
        ("PatientID=%25", []),
        ("PatientID=_1", []),
        ("PatientName=wang%5Efang", ["1.1"]),
        ("PatientName=WANG*", ["1.1"]),
        ("PatientName=" + quote("王*"), ["1.1"]),
        ("PatientName=" + quote("MÜLLER*"), ["2.1"]),
        ("PatientName=" + quote("李*"), ["3.1"]),
        ("PatientName=fang&fuzzymatching=true", ["1.1"]),
        ("PatientName=xiaoming&fuzzymatching=true", ["3.1"]),
        ("PatientName=li%20xiao&fuzzymatching=true", ["3.1"]),
        ("PatientName=" + quote("王芳") + "&fuzzymatching=true", ["1.1"]),
        ("PatientName=ang&fuzzymatching=true", []),
        ("StudyDate=20260301", ["1.1"]),
        ("StudyDate=20250101-", ["1.1", "2.1"]),
        ("StudyDate=-20250105", ["2.1", "3.1"]),
        ("StudyDate=20240101-20250105", ["2.1", "3.1"]),
        ("StudyTime=10", ["1.1", "3.1"]),
        ("StudyTime=2300-2400", ["2.1"]),
        ("AccessionNumber=" + quote("B*2"), ["2.1"]),
        ("AccessionNumber=%2A", ["1.1", "2.1", "3.1"]),
        ("ModalitiesInStudy=MR", ["2.1"]),
        ("ModalitiesInStudy=CT%5CMR", ["1.1", "2.1"]),
        ("Modality=MR", ["2.1"]),
        ("SeriesDescription=bone", ["1.1"]),
        ("StudyInstanceUID=1.1,2.1", ["1.1", "2.1"]),
        ("StudyInstanceUID=1.1%5C3.1", ["1.1", "3.1"]),
        ("StudyInstanceUID=9.9", []),
        ("ReferringPhysicianName=wu*", ["1.1", "2.1", "3.1"]),
        ("limit=1", ["1.1"]),
        ("limit=1&offset=1", ["2.1"]),
        ("offset=9", []),
        ("PatientID=&StudyDate=", ["1.1", "2.1", "3.1"]),
    ],
)
async def test_studies_are_found(filled: Any, query: str, studies: list[str]) -> None:
    found = await find(filled, "/studies?" + query)
    assert [item["0020000D"]["Value"][0] for item in found] == studies


async def test_a_study_says_what_it_holds(filled: Any) -> None:
    study = (await find(filled, "/studies?StudyInstanceUID=1.1"))[0]
    assert study["00080061"]["Value"] == ["CT"]
    assert study["00201206"]["Value"] == [2]
    assert study["00201208"]["Value"] == [5]
    assert study["00100010"]["Value"] == [{"Alphabetic": "Wang^Fang", "Ideographic": "王^芳"}]
    assert study["00081190"]["Value"][0].endswith("/dicomweb/studies/1.1")
    assert "00081030" not in study


async def test_a_false_label_does_not_spoil_the_name(filled: Any) -> None:
    study = (await find(filled, "/studies?StudyInstanceUID=3.1"))[0]
    assert study["00100010"]["Value"] == [{"Alphabetic": "李^小明"}]


async def test_more_is_answered_when_asked_for(filled: Any) -> None:
    for query in ("includefield=StudyDescription", "includefield=00081030", "includefield=all"):
        study = (await find(filled, f"/studies?StudyInstanceUID=1.1&{query}"))[0]
        assert study["00081030"]["Value"] == ["Chest"]
    film = (await find(filled, "/studies/1.1/instances?includefield=WindowCenter&limit=1"))[0]
    assert film["00281050"]["Value"] == [40]
    film = (await find(filled, "/studies/1.1/instances?includefield=all&limit=1"))[0]
    assert film["00281053"]["Value"] == [1]


async def test_series_and_films_are_found_at_every_address(filled: Any) -> None:
    assert [item["00200011"]["Value"] for item in await find(filled, "/studies/1.1/series")] == [[1], [2]]
    assert len(await find(filled, "/series?Modality=CT")) == 2
    assert len(await find(filled, "/series?PatientID=P1&SeriesNumber=2")) == 1
    films_found = await find(filled, "/studies/1.1/series/1.1.1/instances")
    assert [item["00200013"]["Value"] for item in films_found] == [[1], [2], [3]]
    assert films_found[0]["0020000E"]["Value"] == ["1.1.1"]
    assert films_found[0]["0020000D"]["Value"] == ["1.1"]
    assert len(await find(filled, "/studies/1.1/instances?SeriesInstanceUID=1.1.2")) == 2
    assert len(await find(filled, "/instances?InstanceNumber=1")) == 4
    whole = (await find(filled, "/instances?Modality=MR"))[0]
    assert {"00100010", "00080060", "00080018", "0020000D", "0020000E", "00081190"} <= set(whole)
    assert await find(filled, "/studies/9.9/series") == []
    assert await find(filled, "/studies/1.1/series/9.9/instances") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "offset=-1",
        "StudyDate=yesterday",
        "StudyDate=-",
        "SeriesNumber=x",
        "StudyInstanceUID=" + quote("../1"),
        "PatientName=" + "x" * 300,
        "StudyTime=ab",
    ],
)
async def test_what_cannot_be_understood_is_refused(client: Any, query: str) -> None:
    answer = await client.get("/dicomweb/studies?" + query)
    assert answer.status == 400
    assert (await answer.json(content_type="application/problem+json"))["detail"]


async def test_what_is_not_searched_by_is_said(filled: Any) -> None:
    answer = await filled.get("/dicomweb/studies?PatientComments=x")
    assert answer.status == 200
    assert answer.headers["Warning"].startswith("299")


async def test_more_results_than_the_limit_are_said(filled: Any) -> None:
    for query, more in (("limit=2", True), ("limit=3", False), ("limit=2&offset=1", False), ("limit=0", True)):
        answer = await filled.get(f"/dicomweb/studies?{query}")
        assert ("additional results" in answer.headers.get("Warning", "")) is more
    assert await find(filled, "/studies?limit=0") == []


async def test_names_that_are_not_matched_fuzzily_are_said(filled: Any) -> None:
    answer = await filled.get("/dicomweb/studies?ReferringPhysicianName=wu*&fuzzymatching=true")
    assert len(await answer.json(content_type=JSON)) == 3
    assert "literally" in answer.headers["Warning"]
    answer = await filled.get("/dicomweb/studies?PatientName=fang&fuzzymatching=true")
    assert "Warning" not in answer.headers


async def test_xml_says_what_json_says(filled: Any) -> None:
    told = await find(filled, "/studies")
    for accept in ("multipart/related; type=application/dicom+xml", 'multipart/related; type="application/dicom+xml"'):
        answer = await filled.get("/dicomweb/studies", headers={"Accept": accept})
        parts = await parts_of(answer)
        assert {kind for kind, _ in parts} == {"application/dicom+xml"}
        assert [nativexml.from_xml(text) for _, text in parts] == told
    one = await filled.get("/dicomweb/studies?limit=1", headers={"Accept": "application/dicom+xml"})
    assert nativexml.from_xml(await one.read()) == told[0]
    none = await filled.get("/dicomweb/studies?PatientID=x", headers={"Accept": "application/dicom+xml"})
    assert none.status == 204


@pytest.mark.parametrize("text", ["'; DROP TABLE studies; --", "%", "\\", '"', "王\x00芳", "*" * 200, "?" * 200])
async def test_hostile_values_find_nothing_and_break_nothing(filled: Any, text: str) -> None:
    for name in ("PatientName", "PatientID", "AccessionNumber", "Modality"):
        for fuzzy in ("", "&fuzzymatching=true"):
            answer = await filled.get(f"/dicomweb/studies?{name}={quote(text)}{fuzzy}")
            assert answer.status in {200, 400}
    assert len(await find(filled, "/studies")) == 3


async def test_an_empty_archive_answers_an_empty_list(client: Any) -> None:
    for path in ("/studies", "/series", "/instances", "/studies?PatientID=x"):
        assert await find(client, path) == []


async def test_other_forms_than_json_are_not_acceptable(client: Any) -> None:
    assert (await client.get("/dicomweb/studies", headers={"Accept": "text/html"})).status == 406
    for accept in ("application/json", "*/*", "application/dicom+json;q=0.9, text/html"):
        assert (await client.get("/dicomweb/studies", headers={"Accept": accept})).status == 200
