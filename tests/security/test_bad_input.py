"""Bad input at every door: a clear reason in the reader's language, nothing half stored, and the server goes on."""

import gzip
import io
import json
import re
import socket
import time
import zipfile
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.builders import films
from tests.builders.county import Api, County
from tests.builders.walks import TUS, draft, log_in, upload
from tests.security.conftest import Cases, Door

HAN = re.compile(r"[\u4e00-\u9fff]")
DEEP = b"[" * 100_000 + b"]" * 100_000
WRONG_JSON = {
    "no JSON": b"{",
    "another type": b'"text"',
    "a list": b"[]",
    "null": b"null",
    "deep": DEEP,
    "NaN": b'{"question": NaN}',
    "a number beyond numbers": b'{"question": 1e999}',
    "half a character": b'{"question": "\xff\xfe"}',
    "a lone surrogate": b'{"question": "\\ud800"}',
    "a null byte": b'{"question": "a\\u0000b"}',
    "twice the same name": b'{"question": "a", "question": "b"}',
    "huge": b'{"question": "' + b"a" * (3 << 20) + b'"}',
    "unknown names": b'{"colour": "red"}',
    "wrong types": b'{"question": {"a": [1]}, "patient_id": 7, "kind": ["clinical"]}',
    "huge numbers": b'{"version": 99999999999999999999999999999999}',
}


@pytest.fixture(autouse=True)
def goes_on(demo: County) -> Iterator[None]:
    """After every test the same process answers as before."""
    before = demo.pids()["web"]
    yield
    demo.wait_ready(30)
    assert demo.pids()["web"] == before


def counts(api: Api) -> tuple[int, int, int]:
    """Consults, patients and films as far as one may see them."""
    return (
        len(api.good("GET", "/api/v1/consults")["items"]),
        len(api.good("GET", "/api/v1/patients", params={"q": ""})["items"]),
        len(api.get("/dicomweb/studies").json() or []),
    )


def refused(answer: object, *, reason: bool = True) -> bool:
    """A refusal with a reason in Chinese, the site's language."""
    status, text = answer.status_code, answer.text  # type: ignore[attr-defined]
    return 400 <= status < 500 and (not reason or bool(HAN.search(text)))


@pytest.mark.parametrize("what", WRONG_JSON)
def test_wrong_json_is_refused_at_every_door_that_takes_json(
    demo: County, cases: Cases, doors: list[Door], what: str
) -> None:
    api = cases.specialist_of_open if what == "deep" else cases.doctor
    before, wrong = counts(cases.doctor), []
    for door in doors:
        if door.route is None or door.route.body is None:
            continue
        path = re.sub(r"\{[^}]*\}", cases.open.consult, door.path)
        headers = {"Content-Type": "application/json"}
        answer = api.call(door.method, path, headers=headers, data=WRONG_JSON[what])
        optional = what in {"unknown names", "null", "twice the same name"} and answer.status_code < 300
        if not refused(answer) and not optional:
            wrong.append((f"{door.method} {door.path}", answer.status_code, answer.text[:200]))
    assert not wrong, "\n".join(map(str, wrong))
    assert counts(cases.doctor) == before


def test_another_type_of_content_is_refused(cases: Cases, doors: list[Door]) -> None:
    for door in doors:
        if door.route is not None and door.route.body is not None:
            path = re.sub(r"\{[^}]*\}", cases.open.consult, door.path)
            answer = cases.doctor.call(door.method, path, headers={"Content-Type": "text/xml"}, data=b"<a/>")
            assert answer.status_code in {400, 401, 403, 404, 415, 422}, door.path


def test_reasons_are_told_in_the_readers_language(cases: Cases) -> None:
    for language, is_chinese in (("zh-CN", True), ("en", False)):
        for method, path in (
            ("POST", "/api/v1/consults"),
            ("POST", "/uploads"),
            ("POST", "/dicomweb/studies"),
            ("POST", "/labs/reports"),
        ):
            answer = cases.doctor.call(
                method, path, headers={"Accept-Language": language, "Content-Type": "application/json"}, data=b"{"
            )
            detail = answer.json()["detail"]
            assert bool(HAN.search(detail)) is is_chinese, (path, language, detail)


def forms(doors: list[Door]) -> Iterator[Door]:
    for door in doors:
        if door.route is not None and door.route.page and door.method == "POST":
            yield door


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"a=%ff%fe&question=%00&version=9999999999999999999999"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(20_000))),
        ("application/x-www-form-urlencoded", b"text=" + b"a" * (3 << 20)),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\n" * 5000),
        ("multipart/form-data", b"no boundary"),
        ("application/json", DEEP),
    ],
)
def test_wrong_forms_break_nothing(demo: County, cases: Cases, doors: list[Door], kind: str, body: bytes) -> None:
    before, wrong = counts(cases.doctor), []
    with log_in(demo, "heguoqing") as session:
        for door in forms(doors):
            if door.path in {"/logout", "/login"}:
                continue
            path = re.sub(r"\{[^}]*\}", cases.open.consult, door.path)
            answer = session.post(
                f"{demo.url}{path}", data=body, headers={"Content-Type": kind}, allow_redirects=False, timeout=60
            )
            if answer.status_code >= 500:
                wrong.append((door.path, answer.status_code, answer.text[:300]))
    assert not wrong, "\n".join(map(str, wrong))
    assert counts(cases.doctor) == before


def bombs() -> dict[str, bytes]:
    good = films.film(32)
    huge = io.BytesIO()
    with zipfile.ZipFile(huge, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", b"\0" * (200 << 20))
    paths = io.BytesIO()
    with zipfile.ZipFile(paths, "w") as archive:
        archive.writestr("../../../../tmp/teleconsult-was-here", films.film(16))
        archive.writestr("/etc/teleconsult-was-here", films.film(16))
    return {
        "nothing of a film": b"no film at all, only words",
        "half a film": good[: len(good) // 2],
        "only the beginning": good[:132],
        "no patient, no study": b"\0" * 128 + b"DICM" + bytes(64),
        "a name that leads out": films.film(16, StudyInstanceUID="../../../etc/passwd"),
        "a name of letters": films.film(16, SOPInstanceUID="1.2.abc"),
        "a picture larger than its pixels": films.film(16, Rows=65535, Columns=65535),
        "a depth without a floor": _deep(good, 400),
        "a bomb": huge.getvalue(),
        "a zip that leads out": paths.getvalue(),
        "a page in a film's clothes": b"<html><script>alert(1)</script>" + bytes(97) + b"DICM",
    }


def _deep(film: bytes, depth: int) -> bytes:
    """A film with sequences in sequences, written by hand: libraries need gigabytes to write as much as this."""
    sequence = b"\x08\x00\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    place = film.index(b"\x10\x00\x10\x00PN")
    return film[:place] + sequence * depth + end * depth + film[place:]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bad_films_are_refused_one_by_one_at_both_doors(demo: County, cases: Cases) -> None:
    api, told = cases.doctor, {}
    for name, content in bombs().items():
        where = upload(api, content, name=f"{len(told)}.dcm")
        end = time.monotonic() + 60
        while api.good("GET", where)["state"] != "done" and time.monotonic() < end:
            time.sleep(0.2)
        files = api.good("GET", where)["files"]
        told[name] = [(one["fate"], one.get("reason", "")) for one in files]
        body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--\r\n"
        kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
        if len(content) < 1 << 20:
            stored = api.call("POST", "/dicomweb/studies", headers=kind, data=body)
            assert stored.status_code < 500, (name, stored.text[:300])
    kept = {name for name, fates in told.items() if any(fate == "verified" for fate, _ in fates)}
    # Pixels are looked at when they are shown: what their header says of them is kept as it came.
    assert kept <= {"a picture larger than its pixels", "a depth without a floor", "a zip that leads out"}, told
    for name, fates in told.items():
        for fate, reason in fates:
            assert fate != "refused" or HAN.search(reason), (name, reason)


def test_a_film_that_lies_about_its_size_is_shown_as_an_error(cases: Cases) -> None:
    content = films.film(16, Rows=65535, Columns=65535)
    upload(cases.doctor, content)
    study, series, instance = films.uids(content)
    answer = cases.doctor.get(f"/dicomweb/studies/{study}/series/{series}/instances/{instance}/rendered")
    assert refused(answer) or answer.status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**TUS},
        {**TUS, "Upload-Length": "-1"},
        {**TUS, "Upload-Length": "99999999999999999999"},
        {**TUS, "Upload-Length": "ten"},
        {**TUS, "Upload-Length": "10", "Upload-Metadata": "filename ####"},
        {**TUS, "Upload-Length": "10", "Upload-Metadata": "reference Li4vLi4vZXRj"},
        {"Tus-Resumable": "9.9.9", "Upload-Length": "10"},
    ],
)
def test_wrong_words_of_an_upload_are_refused(cases: Cases, headers: dict[str, str]) -> None:
    answer = cases.doctor.call("POST", "/uploads", headers=headers)
    assert refused(answer)


def test_compressed_bodies_are_refused(cases: Cases) -> None:
    body = gzip.compress(b'{"text": "' + b"a" * (50 << 20) + b'"}')
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    for path in (f"/api/v1/consults/{cases.open.consult}/messages", "/uploads", "/dicomweb/studies", "/labs/reports"):
        assert refused(cases.doctor.call("POST", path, headers=headers, data=body)), path


def test_a_promise_of_endless_content_is_refused_before_it_comes(demo: County, cases: Cases) -> None:
    address = urlsplit(demo.url)
    words = [
        f"POST /api/v1/consults/{cases.open.consult}/messages HTTP/1.1", f"Host: {address.netloc}",
        f"Authorization: {cases.doctor.headers['Authorization']}", "Content-Type: application/json",
        "Content-Length: 99999999999", "", "",
    ]  # fmt: skip
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as line:
        line.sendall("\r\n".join(words).encode())
        assert b" 413 " in line.recv(200)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"results": []}', b'{"results": [' + b'{"name": "K"},' * 5000 + b"{}]}", DEEP]
)
def test_wrong_lab_reports_are_refused(cases: Cases, body: bytes) -> None:
    for path in ("/labs/reports", f"/api/v1/consults/{cases.open.consult}/labs"):
        before = len(cases.doctor.good("GET", f"/api/v1/consults/{cases.open.consult}/labs")["items"])
        answer = cases.doctor.call("POST", path, headers={"Content-Type": "application/json"}, data=body)
        assert refused(answer), (path, answer.status_code, answer.text[:200])
        assert len(cases.doctor.good("GET", f"/api/v1/consults/{cases.open.consult}/labs")["items"]) == before


def test_scripts_in_texts_stay_texts(demo: County) -> None:
    doctor = demo.api("requester")
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>{{1237*7331}}${1237*7331}'\"--;DROP TABLE users"
    _, consult = draft(doctor, name="注入者", question=evil, history=evil)
    with log_in(demo, "liuxiulan") as session:
        for path in (f"/consults/{consult}/edit/question", "/worklist", "/"):
            text = session.get(f"{demo.url}{path}").text
            assert "<script>alert" not in text
            assert "<img src=x" not in text
            assert str(1237 * 7331) not in text, "a template ran what somebody typed"
    assert doctor.good("GET", f"/api/v1/consults/{consult}")["question"] == evil


def test_queries_of_every_shape_are_answered(cases: Cases, doors: list[Door]) -> None:
    wrong = []
    texts = ("%00", "%ff", "'", "a" * 5000, "-1", "9" * 40, "%F0%9F%98%80", "../..", "[]", "null", "1e9")
    names = (
        "q",
        "cursor",
        "after",
        "state",
        "limit",
        "offset",
        "version",
        "series",
        "study",
        "StudyDate",
        "PatientName",
        "done",
    )
    for door in doors:
        if door.method != "GET" or door.path.startswith(("/static", "/assets")) or door.path == "/api/v1/events":
            continue
        path = re.sub(r"\{[^}]*\}", cases.open.consult, door.path)
        for text in texts:
            answer = cases.doctor.get(f"{path}?" + "&".join(f"{name}={text}" for name in names))
            if answer.status_code >= 500:
                wrong.append((path, text, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


def test_the_description_of_the_doors_is_kept(demo: County) -> None:
    described = json.loads(demo.api("requester").get("/api/v1/openapi.json").text)
    assert described["openapi"].startswith("3.1")
    assert len(described["paths"]) > 30
