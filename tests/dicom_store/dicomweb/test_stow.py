"""STOW-RS takes films, says of each what became of it, and keeps nothing else."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom_store.app import Archive, create_app
from tests.builders import films
from tests.builders.archives import Porter, everything_of
from tests.dicom_store.dicomweb.wire import post

JSON = "application/dicom+json"


async def held(archive: Archive, data: bytes, institution: str = "east") -> bytes:
    study, series, instance = films.uids(data)
    record = await archive.index.instance(everything_of(institution), study, series, instance)
    return await archive.films.whole(record)


async def test_films_are_kept_byte_for_byte(client: Any, archive: Archive) -> None:
    series = films.ct_series(5)
    answer = await post(client, series)
    assert answer.status == 200
    body = await answer.json(content_type=JSON)
    assert len(body["00081199"]["Value"]) == 5
    assert "00081198" not in body
    assert body["00081190"]["Value"][0].endswith("/dicomweb/studies/" + films.uids(series[0])[0])
    for film in series:
        assert await held(archive, film) == film


async def test_a_single_film_needs_no_multipart(client: Any, archive: Archive) -> None:
    film = films.film()
    answer = await client.post("/dicomweb/studies", data=film, headers={"Content-Type": "application/dicom"})
    assert answer.status == 200
    assert await held(archive, film) == film


async def test_the_preamble_is_kept(client: Any, archive: Archive) -> None:
    film = films.encode(films.dataset(), preamble=b"MZ" + b"\x01" * 126)
    assert (await post(client, [film])).status == 200
    assert await held(archive, film) == film


async def test_a_large_film_goes_by_the_spool(aiohttp_client: Any, tmp_path: Any) -> None:
    from dicom_store.app import open_archive
    from tests.builders.archives import plain, settings

    async with open_archive(settings(tmp_path, spool_above_bytes=1000, max_film_bytes=200_000)) as archive:
        client = await aiohttp_client(create_app(archive, Porter(), plain), headers={"Authorization": "Bearer east"})
        film, huge = films.film(200), films.film(400)
        answer = await post(client, [film, huge])
        assert answer.status == 202
        body = await answer.json(content_type=JSON)
        assert body["00081198"]["Value"][0]["00081197"]["Value"] == [0xA700]
        assert await held(archive, film) == film
        assert list((tmp_path / "archive" / "spool").iterdir()) == []


async def test_the_same_film_again_is_a_success_and_no_second_copy(client: Any, archive: Archive) -> None:
    film = films.film()
    await post(client, [film])
    assert (await post(client, [film])).status == 200
    assert (await post(client, [film, film])).status == 200
    study = films.uids(film)[0]
    assert len(await archive.index.instances(everything_of("east"), study)) == 1
    assert len(await archive.index.arrivals_after(0)) == 1


async def test_the_same_film_twice_in_one_request_is_kept_once(client: Any, archive: Archive) -> None:
    film = films.film()
    assert (await post(client, [film, film])).status == 200
    assert len(await archive.index.arrivals_after(0)) == 1


async def test_other_bytes_under_the_same_uid_are_refused(client: Any, archive: Archive) -> None:
    data = films.dataset()
    first = films.encode(data)
    data.PatientName = "Somebody^Else"
    second = films.encode(data)
    await post(client, [first])
    answer = await post(client, [second])
    assert answer.status == 409
    failed = (await answer.json(content_type=JSON))["00081198"]["Value"][0]
    assert failed["00081197"]["Value"] == [0x0111]
    assert failed["00081155"]["Value"] == [data.SOPInstanceUID]
    assert "different film" in failed["00000902"]["Value"][0]
    assert await held(archive, first) == first


async def test_other_bytes_within_one_request_are_refused(client: Any, archive: Archive) -> None:
    data = films.dataset()
    first = films.encode(data)
    data.PatientName = "Somebody^Else"
    assert (await post(client, [first, films.encode(data)])).status == 202
    assert await held(archive, first) == first


async def test_a_partly_failed_request_keeps_the_good_films(client: Any, archive: Archive) -> None:
    good = films.film()
    answer = await post(client, [good, b"no film at all"])
    assert answer.status == 202
    body = await answer.json(content_type=JSON)
    assert body["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]
    assert len(body["00081199"]["Value"]) == 1
    assert await held(archive, good) == good


async def test_refusals_are_said_in_the_language_of_the_request(
    aiohttp_client: Any, archive: Archive, porter: Porter
) -> None:
    def translate(message: str, language: str) -> str:
        return {"This is not a DICOM film.": "这不是 DICOM 影像。"}[message] if language.startswith("zh") else message

    client = await aiohttp_client(create_app(archive, porter, translate), headers={"Authorization": "Bearer east"})
    for language, sentence in (("zh-CN,zh;q=0.9", "这不是 DICOM 影像。"), ("en", "This is not a DICOM film.")):
        answer = await post(client, [b"GIF89a" + bytes(200)], headers={"Accept-Language": language})
        failed = (await answer.json(content_type=JSON))["00081198"]["Value"][0]
        assert (failed["00081197"]["Value"], failed["00000902"]["Value"]) == ([0xC000], [sentence])


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (b"", 0xC000),
        (b"GIF89a" + b"\0" * 200, 0xC000),
        (films.film()[:-10], 0xC000),
        (films.film(StudyInstanceUID="../../etc/passwd"), 0xA900),
        (films.film(StudyInstanceUID="1' OR '1'='1"), 0xA900),
        (films.film(SOPInstanceUID="1.2." + "3" * 80), 0xA900),
    ],
    ids=["empty", "gif", "truncated", "traversal", "sql", "long"],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
async def test_a_bad_film_gets_a_reason(client: Any, archive: Archive, film: bytes, reason: int) -> None:
    answer = await post(client, [film])
    assert answer.status == 409
    failed = (await answer.json(content_type=JSON))["00081198"]["Value"][0]
    assert failed["00081197"]["Value"] == [reason]
    assert failed["00000902"]["Value"][0]
    assert await archive.index.arrivals_after(0) == []


async def test_a_film_without_study_gets_one_of_its_own(client: Any, archive: Archive) -> None:
    film = films.film(StudyInstanceUID=None, SeriesInstanceUID=None)
    answer = await post(client, [film])
    assert answer.status == 200
    found = await (await client.get("/dicomweb/instances")).json(content_type=JSON)
    study = found[0]["0020000D"]["Value"][0]
    assert study.startswith("2.25.")
    whole = await client.get(f"/dicomweb/studies/{study}", headers={"Accept": "application/dicom"})
    assert await whole.read() == film


async def test_another_study_than_the_address_names_is_refused(client: Any) -> None:
    film = films.film()
    study = films.uids(film)[0]
    assert (await post(client, [film], path="/dicomweb/studies/1.2.3")).status == 409
    assert (await post(client, [film], path=f"/dicomweb/studies/{study}")).status == 200


async def test_compressed_requests_are_refused(client: Any) -> None:
    answer = await client.post(
        "/dicomweb/studies",
        data=zlib.compress(films.film()),
        headers={"Content-Type": "application/dicom", "Content-Encoding": "deflate"},
    )
    assert answer.status == 415


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=b", "application/dicom+json"])
async def test_other_media_types_are_refused(client: Any, kind: str) -> None:
    answer = await client.post("/dicomweb/studies", data=b"x", headers={"Content-Type": kind})
    assert answer.status == 415
    assert answer.content_type == "application/problem+json"


async def test_a_request_without_a_film_is_refused(client: Any) -> None:
    assert (await post(client, [])).status == 400


async def test_a_cut_off_request_keeps_nothing(client: Any, archive: Archive) -> None:
    film = films.film()
    head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    answer = await client.post(
        "/dicomweb/studies",
        data=head + film + b"\r\n" + head + film[:100],
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'},
    )
    assert answer.status == 400
    assert await archive.index.arrivals_after(0) == []


async def test_nobody_stores_without_a_token_or_into_nowhere(client: Any) -> None:
    assert (await post(client, [films.film()], headers={"Authorization": ""})).status == 401
    assert (await post(client, [films.film()], headers={"Authorization": "Bearer guest"})).status == 403


async def test_a_reference_that_is_not_the_callers_is_refused_before_a_byte_is_kept(
    client: Any, archive: Archive, porter: Porter
) -> None:
    porter.references_allowed = False
    assert (await post(client, [films.film()], path="/dicomweb/studies?reference=c1")).status == 403
    porter.references_allowed = True
    assert (await post(client, [films.film()], path="/dicomweb/studies?reference=c1")).status == 200
    assert [arrival.origin.reference for arrival in await archive.index.arrivals_after(0)] == ["c1"]


async def test_a_film_that_is_here_already_arrives_again_at_another_reference(client: Any, archive: Archive) -> None:
    film = films.film()
    for reference in ("c1", "c2"):
        assert (await post(client, [film], path=f"/dicomweb/studies?reference={reference}")).status == 200
    arrivals = await archive.index.arrivals_after(0)
    assert [arrival.origin.reference for arrival in arrivals] == ["c1", "c2"]
    assert {arrival.subject for arrival in arrivals} == {films.uids(film)[2]}
    assert len(await archive.index.instances(everything_of("east"), films.uids(film)[0])) == 1


async def test_deep_nesting_does_not_stop_the_server(client: Any) -> None:
    inner = Dataset()
    for _ in range(100):
        outer = Dataset()
        outer.ContentSequence = Sequence([inner])
        inner = outer
    assert (await post(client, [films.film(ContentSequence=Sequence([inner]))])).status == 409
    assert (await post(client, [films.film()])).status == 200


async def test_two_institutions_hold_the_same_film_apart(client: Any, archive: Archive) -> None:
    film = films.film()
    study = films.uids(film)[0]
    west = {"Authorization": "Bearer west"}
    await post(client, [film])
    assert (await client.get(f"/dicomweb/studies/{study}", headers=west)).status == 404
    assert await (await client.get("/dicomweb/studies", headers=west)).json(content_type=JSON) == []
    assert (await post(client, [film], headers=west)).status == 200
    assert (await client.delete(f"/dicomweb/studies/{study}", headers=west)).status == 204
    assert (await client.get(f"/dicomweb/studies/{study}", headers=west)).status == 404
    assert await held(archive, film) == film


async def test_a_different_film_at_another_institution_is_nobodys_business(client: Any) -> None:
    data = films.dataset()
    await post(client, [films.encode(data)])
    data.PatientName = "Somebody^Else"
    assert (await post(client, [films.encode(data)], headers={"Authorization": "Bearer west"})).status == 200


def test_the_builder_makes_readable_films() -> None:
    import pydicom

    assert pydicom.dcmread(io.BytesIO(films.film())).Modality == "CT"
