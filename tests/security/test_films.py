"""Films by two doors: what comes back is what was given, to whom it belongs and to nobody else."""

import io

import pydicom
import pytest
import requests
from dicomweb_client import DICOMwebClient
from dicomweb_client.uri import URI

from tests.builders import films
from tests.builders.county import Api, County
from tests.builders.walks import draft, move, upload
from tests.security.conftest import Cases


def client(demo: County, role: str) -> DICOMwebClient:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {demo.tokens[role]}"
    return DICOMwebClient(demo.facts["dicomweb"], session=session)


def fetched(api: Api, content: bytes) -> requests.Response:
    study, series, instance = films.uids(content)
    path = f"/dicomweb/studies/{study}/series/{series}/instances/{instance}"
    return api.get(path, headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})


def first_part(answer: requests.Response) -> bytes:
    """The bytes of a multipart answer's only part."""
    boundary = answer.headers["Content-Type"].split("boundary=")[1].split(";")[0].strip('"').encode()
    body = answer.content.split(b"\r\n\r\n", 1)[1]
    return body[: body.rindex(b"\r\n--" + boundary)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_a_client_stores_comes_back_byte_by_byte(demo: County) -> None:
    web = client(demo, "requester")
    content = films.film(64, PatientName="Shi^Jian")
    try:
        # The library writes the file anew from the data set: what it sends is what must come back.
        sent = io.BytesIO()
        pydicom.dcmwrite(sent, pydicom.dcmread(io.BytesIO(content)))
        answer = web.store_instances([pydicom.dcmread(io.BytesIO(content))])
        assert len(answer.ReferencedSOPSequence) == 1
    finally:
        web._session.close()
    back = fetched(demo.api("requester"), content)
    assert back.status_code == 200
    assert first_part(back) == sent.getvalue()


def test_what_is_uploaded_comes_back_byte_by_byte(demo: County) -> None:
    content = films.film(64, PatientName="Chuan^Song")
    upload(demo.api("requester"), content)
    assert first_part(fetched(demo.api("requester"), content)) == content


def test_every_real_film_that_is_taken_comes_back_byte_by_byte(demo: County) -> None:
    # Where no scanner of other tests sends the same films: of two wordings of one film the first is kept.
    api, taken = demo.api("other_requester"), 0
    for path in films.real_films()[::12][:20]:
        content = path.read_bytes()
        path_of_upload = upload(api, content, name=path.name)
        fates = [one["fate"] for one in api.good("GET", path_of_upload)["files"]]
        if fates == ["verified"]:
            taken += 1
            assert first_part(fetched(api, content)) == content, path.name
    assert taken >= 5


def test_another_institution_finds_nothing_and_gets_nothing(demo: County) -> None:
    content = films.film(32, PatientName="Bie^Jia")
    upload(demo.api("requester"), content)
    study, _, _ = films.uids(content)
    other = demo.api("other_requester")
    assert fetched(other, content).status_code == 404
    assert other.get(f"/dicomweb/studies/{study}/metadata").status_code == 404
    found = other.get("/dicomweb/studies", params={"StudyInstanceUID": study})
    assert (found.status_code, found.text.strip() or "[]") in {(200, "[]"), (204, "[]")}
    assert study not in other.get("/dicomweb/studies").text


def test_the_same_film_of_another_institution_is_its_own_copy(demo: County) -> None:
    content = films.film(32, PatientName="Liang^Fen")
    ours, theirs = demo.api("requester"), demo.api("other_requester")
    for api in (ours, theirs):
        upload(api, content)
        assert first_part(fetched(api, content)) == content
    study, _, _ = films.uids(content)
    assert theirs.call("DELETE", f"/dicomweb/studies/{study}").status_code in {200, 204}
    assert fetched(theirs, content).status_code == 404
    assert first_part(fetched(ours, content)) == content


def test_a_film_of_a_consult_that_was_sent_is_kept(demo: County, cases: Cases) -> None:
    answer = cases.doctor.call("DELETE", f"/dicomweb/studies/{cases.open.study}")
    assert answer.status_code == 403
    assert "必须保留" in answer.json()["detail"]
    read = cases.specialist_of_open.get(f"/dicomweb/studies/{cases.open.study}/metadata")
    assert read.status_code == 200


def test_a_film_that_comes_late_is_open_to_the_specialist_too(demo: County, cases: Cases) -> None:
    content = films.film(32, PatientName="Feng^Changshun")
    upload(cases.doctor, content, cases.open.consult)
    from tests.builders.county import until

    until(lambda: fetched(cases.specialist_of_open, content).status_code == 200)
    assert fetched(cases.specialist_of_signed, content).status_code == 404


def test_a_draft_that_is_sent_takes_its_films_along(demo: County) -> None:
    doctor = demo.api("requester")
    _, consult = draft(doctor)
    content = films.film(32)
    upload(doctor, content, consult)
    assert fetched(demo.api("coordinator"), content).status_code == 404
    from tests.builders.county import until

    until(lambda: doctor.good("GET", f"/api/v1/consults/{consult}/materials")["items"])
    move(doctor, consult, "submit", reason="其余检查本院无条件完成。")
    assert fetched(demo.api("coordinator"), content).status_code == 200


def test_the_address_of_a_film_is_what_the_library_says(demo: County) -> None:
    content = films.film(16)
    upload(demo.api("requester"), content)
    address = URI(demo.facts["dicomweb"], *films.uids(content))
    assert requests.get(str(address), headers=demo.api("requester").headers, timeout=30).status_code == 200
