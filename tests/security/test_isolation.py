"""Every door x everybody who has no part in a case: generated from the routes, so that no door is forgotten."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from teleconsult.actor import Permission
from tests.builders.county import Api, County
from tests.builders.walks import REPORT, TUS, Case, state
from tests.security.conftest import Cases, Door

NOWHERE = "01920000-0000-7000-8000-000000000000"
FILES = re.compile(r"/(static|assets)(/|$)")
ALIVE = {"/healthz", "/readyz"}
"""Mounted by the process itself: whether it lives."""

OF_A_CASE = re.compile(
    r"^(/api/v1/consults/\{id\}|/consults/\{id\}|/dicomweb/studies/\{study\}|/uploads/\{upload\}|/labs/reports/\{report\}"
    r"|/patients/\{id\}|/api/v1/patients/\{id\})"
)
"""Doors that lead into one case: what is behind them belongs to those who have a part in it."""

ELSEWHERE = {
    "/api/v1/me/": "one's own sessions and tokens: tried below",
    "/account/": "one's own sessions: tried below",
    "/api/v1/verify/": "public: whoever holds the paper may check it",
    "/verify/": "public: whoever holds the paper may check it",
    "/help/": "texts without any case",
    "/demo/": "the demo's own links",
    "/whip/": "rooms are private to the token's institution: tests/signaling, tests/journeys",
    "/whep/": "rooms are private to the token's institution: tests/signaling, tests/journeys",
    "/stations/": "of the administrator's own institution: tests/teleconsult/stations",
    "/unmatched/": "what machines sent to one's own institution: tests/teleconsult/unmatched",
    "/api/v1/unmatched/": "what machines sent to one's own institution: tests/teleconsult/unmatched",
    "/duty/": "the roster of one's own institution: tests/teleconsult/scheduling",
    "/api/v1/followups/": "visits: tests/teleconsult/followups",
    "/api/v1/portal/": "the patient's own: tests/teleconsult/portal",
    "/my/": "the patient's own: tests/teleconsult/portal",
    "/p/": "whoever holds the link, then a code: tests/teleconsult/portal",
}
"""Beginnings of addresses that lead to neither of the two cases here, and where they are tried instead."""

BODIES: dict[str, dict[str, Any]] = {
    "PUT /api/v1/consults/{id}": {"version": 1, "question": "changed"},
    "POST /api/v1/consults/{id}/moves": {"move": "cancel", "version": 1, "reason": "x"},
    "POST /api/v1/consults/{id}/messages": {"text": "from a stranger"},
    "POST /api/v1/consults/{id}/messages/voice": {},
    "POST /api/v1/consults/{id}/messages/seen": {"seen": 1},
    "POST /api/v1/consults/{id}/materials": {"lab_report_id": "{lab}"},
    "POST /api/v1/consults/{id}/labs": {"results": [{"name": "K", "value": "1"}]},
    "PUT /api/v1/consults/{id}/report": {**REPORT, "version": 1},
    "POST /api/v1/consults/{id}/report/lock": {},
    "POST /api/v1/consults/{id}/report/sign": {"version": 1, "password": "{password}"},
    "POST /api/v1/consults/{id}/report/amend": {"reason": "x"},
    "POST /api/v1/consults/{id}/report/audit": {"version": 1},
    "POST /api/v1/consults/{id}/report/reject": {"reason": "x"},
    "POST /api/v1/consults/{id}/key-images": {
        "study_uid": "{study}",
        "series_uid": "{series}",
        "instance_uid": "{instance}",
    },
    "POST /api/v1/consults/{id}/calls": {},
    "POST /api/v1/consults/{id}/followups": {"starts_at": "2027-01-04T09:00:00+08:00", "reason": "x"},
    "POST /consults/{id}/followups": {"starts_at": "2027-01-04T09:00", "reason": "x"},
    "POST /consults/{id}/followups/{visit}/moves/{move}": {"version": "1", "reason": "x"},
    "POST /consults/{id}/followups/{visit}/link": {"x": "1"},
    "PUT /api/v1/patients/{id}": {"name": "changed", "version": 1},
    "POST /consults/{id}/moves/{move}": {"version": "1", "reason": "x"},
    "POST /consults/{id}/messages": {"text": "from a stranger"},
    "POST /consults/{id}/edit/{step}": {"question": "changed", "version": "1"},
    "POST /consults/{id}/labs/new": {"results.0.name": "K", "results.0.value": "1"},
    "POST /consults/{id}/report": {"findings": "changed", "go": "save", "version": "1"},
    "POST /patients/{id}/edit": {"name": "changed", "version": "1"},
    "POST /dicomweb/studies/{study}": {},
    "PATCH /uploads/{upload}": {},
    "POST /uploads/{upload}": {},
}
"""A body that would be good if it came from the right person, for each door that takes one."""


@dataclass(frozen=True)
class Tried:
    """One answer, for reading when it is wrong."""

    who: str
    door: str
    status: int
    text: str


def with_names(door: Door) -> bool:
    return "{" in door.path and not FILES.match(door.path)


def filled(path: str, case: Case) -> str:
    """An address with the names of a case in it."""
    names = {
        "study": case.study,
        "series": case.series,
        "instance": case.instance,
        "upload": case.upload.rsplit("/", 1)[1],
        "report": case.lab,
        "material": case.material,
        "image": case.image or NOWHERE,
        "move": "cancel",
        "step": "question",
        "frames": "1",
        "place": "0",
        "path": "00100010",
        "visit": NOWHERE,
        "recording": NOWHERE,
        "number": "0",
        "id": case.patient if "patients" in path else case.consult,
    }
    return re.sub(r"\{(\w+)[^}]*\}", lambda match: names[match[1]], path)


def knock(api: Api, door: Door, path: str, body: Any) -> Any:
    """A request as the right person would send it."""
    more: dict[str, Any] = {}
    if door.path.startswith("/uploads/"):
        more["headers"] = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        if door.method == "POST":
            more["headers"]["X-HTTP-Method-Override"] = "PATCH"
    elif door.path.startswith("/dicomweb") and door.method == "POST":
        more["headers"] = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
        more["data"] = b"--x--\r\n"
    elif body is not None and (door.route is None or door.route.body is not None or not door.route.page):
        more["json"] = body
    elif body is not None:
        more["data"] = body
    return api.call(door.method, path, **more)


def into_cases(doors: Sequence[Door]) -> Iterator[Door]:
    for door in doors:
        if OF_A_CASE.match(door.path) and door.method != "OPTIONS":
            yield door


def body_of(door: Door, case: Case, password: str) -> Any:
    given = BODIES.get(f"{door.method} {door.path}")
    if given is None:
        return None
    names = {"{lab}": case.lab, "{study}": case.study, "{series}": case.series, "{instance}": case.instance}
    return {key: {**names, "{password}": password}.get(str(value), value) for key, value in given.items()}


def test_every_route_names_whom_it_needs(doors: Sequence[Door]) -> None:
    bare = [
        f"{door.method} {door.path}"
        for door in doors
        if not door.needs and not FILES.match(door.path) and door.path not in ALIVE
    ]
    assert bare == [], "these doors say nothing about whom they need"
    of_the_archive = {"search", "read", "store", "delete"}
    known = {permission.value for permission in Permission} | of_the_archive | {"public"}
    assert {door.needs for door in doors if door.needs} <= known


def test_every_route_with_a_name_in_it_has_a_rule_here(doors: Sequence[Door]) -> None:
    known = tuple(ELSEWHERE)
    strange = sorted(
        {door.path for door in doors if with_names(door) and not OF_A_CASE.match(door.path)}
        - {door.path for door in doors if door.path.startswith(known)}
    )
    assert strange == [], "say in OF_A_CASE or ELSEWHERE what these doors lead to"
    without = [
        f"{door.method} {door.path}"
        for door in into_cases(doors)
        if door.method in {"POST", "PUT", "PATCH"} and f"{door.method} {door.path}" not in BODIES
    ]
    assert without == [], "say in BODIES what these doors take"


def test_who_has_no_part_in_a_case_gets_404_for_everything_of_it(
    demo: County, cases: Cases, doors: Sequence[Door]
) -> None:
    before = [state(cases.doctor, one.consult) for one in (cases.open, cases.signed)]
    strangers = [
        ("the specialist of the other case", cases.specialist_of_signed, cases.open),
        ("the specialist of the other case", cases.specialist_of_open, cases.signed),
        ("another institution", demo.api("other_requester"), cases.open),
        ("another institution", demo.api("other_requester"), cases.signed),
        ("another patient", demo.api("patient"), cases.open),
        ("another patient", demo.api("patient"), cases.signed),
    ]
    wrong = []
    for who, api, case in strangers:
        permissions = set(api.good("GET", "/api/v1/me")["permissions"])
        for door in into_cases(doors):
            answer = knock(api, door, filled(door.path, case), body_of(door, case, demo.password))
            expected = {404} if door.needs in permissions else {403, 404}
            if door.route is None:  # the archive's doors: 403 for who holds no right to any film
                expected = {404, 403} if who == "another patient" else {404}
            if door.route is None and door.needs in {"store", "delete"}:
                expected = {404, 403}
            if answer.status_code not in expected and not tells_nothing(door, answer):
                wrong.append(Tried(who, f"{door.method} {door.path}", answer.status_code, answer.text[:120]))
    assert not wrong, "\n".join(map(str, wrong))
    assert [state(cases.doctor, one.consult) for one in (cases.open, cases.signed)] == before


def tells_nothing(door: Door, answer: Any) -> bool:
    """A search that finds nothing; storing into a study's address, which stores into one's own institution."""
    if door.needs == "search":
        return answer.status_code == 200 and answer.text.strip() in {"", "[]"}
    return stores(door) and answer.status_code in {400, 409}


def stores(door: Door) -> bool:
    return door.method == "POST" and door.path == "/dicomweb/studies/{study}"


def test_what_is_not_yours_looks_as_what_is_not_there(demo: County, cases: Cases, doors: Sequence[Door]) -> None:
    other = demo.api("other_requester")
    wrong = []
    nowhere = Case(
        NOWHERE, NOWHERE, "1.2.3", "1.2.3.4", "1.2.3.4.5", f"/uploads/{'0' * 32}", "0" * 32, NOWHERE, NOWHERE
    )
    for door in into_cases(doors):
        if stores(door):
            continue
        mine, nobodys = (
            knock(other, door, filled(door.path, case), body_of(door, case, demo.password))
            for case in (cases.signed, nowhere)
        )
        told, expected = (
            re.sub(r'[0-9a-f-]{32,36}|[\d.]{5,}|"support".*', "", answer.text)
            if "json" in answer.headers.get("Content-Type", "")
            else ""
            for answer in (mine, nobodys)
        )
        if (mine.status_code, told) != (nobodys.status_code, expected):
            wrong.append(
                (f"{door.method} {door.path}", mine.status_code, nobodys.status_code, told[:400], expected[:400])
            )
    assert not wrong, "\n".join(map(str, wrong))


def test_those_who_have_a_part_may_read_it(demo: County, cases: Cases, doors: Sequence[Door]) -> None:
    """Without this the tests above would pass on a server that refuses everybody."""
    for who, case in ((cases.doctor, cases.signed), (cases.specialist_of_signed, cases.signed)):
        permissions = set(who.good("GET", "/api/v1/me")["permissions"])
        read = 0
        for door in into_cases(doors):
            if door.method != "GET" or (door.route and door.needs not in permissions):
                continue
            read += knock(who, door, filled(door.path, case), None).status_code in {200, 303}
        assert read >= 20


def test_a_stranger_is_led_to_the_log_in_or_refused(demo: County, cases: Cases, doors: Sequence[Door]) -> None:
    nobody, wrong = Api(demo.url, None), []
    for door in doors:
        if door.needs in {"public", ""} or door.method == "OPTIONS":
            continue
        path = (
            filled(door.path, cases.signed) if OF_A_CASE.match(door.path) else re.sub(r"\{[^}]*\}", NOWHERE, door.path)
        )
        answer = knock(nobody, door, path, body_of(door, cases.signed, demo.password))
        to_login = answer.status_code in {302, 303} and answer.headers["Location"].startswith("/login")
        if not (answer.status_code == 401 or to_login):
            wrong.append((f"{door.method} {door.path}", answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("path", ["/api/v1/me/sessions/{}", "/api/v1/me/tokens/{}"])
def test_access_of_others_cannot_be_ended(demo: County, cases: Cases, path: str) -> None:
    mine = cases.doctor.good("GET", "/api/v1/me/tokens")["items"]
    answer = demo.api("other_requester").call("DELETE", path.format(mine[0]["id"]))
    assert answer.status_code == 404
    assert cases.doctor.get("/api/v1/me").status_code == 200


def test_the_uploads_of_a_colleague_are_not_ones_own(demo: County, cases: Cases) -> None:
    for api in (cases.specialist_of_open, cases.specialist_of_signed, demo.api("other_requester")):
        assert api.get(cases.open.upload).status_code == 404
        assert api.call("HEAD", cases.open.upload, headers=TUS).status_code == 404
    assert cases.doctor.get(cases.open.upload).status_code == 200


def test_searches_and_lists_hold_nothing_of_others(demo: County, cases: Cases) -> None:
    strange = cases.specialist_of_signed
    hidden = (cases.open.consult, cases.open.study, cases.open.lab, cases.open.patient)
    for path in ("/api/v1/consults", "/dicomweb/studies", "/dicomweb/series", "/dicomweb/instances", "/labs/reports",
                 "/api/v1/notifications", "/worklist", "/"):  # fmt: skip
        answer = strange.get(path)
        assert answer.status_code == 200, path
        assert not [name for name in hidden if name in answer.text], path
