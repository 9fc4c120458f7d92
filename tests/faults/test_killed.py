"""kill -9 of the web process at any moment: what was acknowledged is there, nothing is half done, and it comes back."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests

from tests.builders import films
from tests.builders.county import Api, County, until
from tests.builders.walks import REPORT, TUS, draft, move, state

ROUNDS = 2
BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def kill(house: County) -> None:
    """End the web process as a power cut would, and wait until another one answers."""
    before = house.pids()["web"]
    os.kill(before, signal.SIGKILL)
    until(lambda: house.pids().get("web", before) != before, 60)
    house.wait_ready()


def killed_during(
    house: County, work: Callable[[], Any], after_s: float, begun: Callable[[], bool] = lambda: True
) -> None:
    """Kill while `work` is under way, once it has `begun`; what breaks in its hands is its own affair."""

    def tried() -> None:
        with suppress(*BROKEN):
            work()

    thread = threading.Thread(target=tried)
    thread.start()
    until(begun, 60)
    time.sleep(after_s)
    kill(house)
    thread.join(120)
    assert not thread.is_alive()


def held(api: Api, content: bytes) -> bool:
    study, series, instance = films.uids(content)
    answer = api.get(f"/dicomweb/studies/{study}/series/{series}/instances/{instance}")
    if answer.status_code == 404:
        return False
    assert answer.status_code == 200
    assert content in answer.content, "a film that is there is there whole"
    return True


def test_films_that_were_acknowledged_outlive_a_kill(house: County) -> None:
    api = house.api("requester")
    sent = [[films.film(96) for _ in range(30)] for _ in range(ROUNDS)]
    acknowledged: list[bytes] = []
    for number, batch in enumerate(sent):

        def store(batch: list[bytes] = batch) -> None:
            for content in batch:
                body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--\r\n"
                kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
                if api.call("POST", "/dicomweb/studies", headers=kind, data=body).status_code == 200:
                    acknowledged.append(content)

        first = len(acknowledged)
        killed_during(house, store, 0.05 + 0.1 * number, lambda first=first: len(acknowledged) > first)
    assert acknowledged
    assert all(held(api, content) for content in acknowledged)
    for content in (one for batch in sent for one in batch if one not in acknowledged):
        held(api, content)


def test_an_upload_goes_on_where_the_server_was_killed(house: County) -> None:
    api = house.api("requester")
    content = films.film(512)
    headers = {**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": "filename ZmlsbS5kY20="}
    where = api.call("POST", "/uploads", headers=headers).headers["Location"]

    def offset() -> int:
        answer = api.call("HEAD", where, headers=TUS)
        assert answer.status_code == 200, "an upload that was begun is not forgotten"
        return int(answer.headers["Upload-Offset"])

    def patch(start: int, data: bytes) -> int:
        kind = {**TUS, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
        answer = api.call("PATCH", where, headers=kind, data=data)
        assert answer.status_code == 204, answer.text
        return int(answer.headers["Upload-Offset"])

    promised = 0
    piece = len(content) // (ROUNDS + 1)
    for _ in range(ROUNDS):
        start = offset()
        assert start >= promised, "bytes that were acknowledged are kept"
        promised = patch(start, content[start : start + piece])
        start, half = promised, content[promised : promised + piece // 2]

        def slowly(start: int = start, half: bytes = half) -> None:
            def drip() -> Any:
                for place in range(0, len(half), 4096):
                    yield half[place : place + 4096]
                    time.sleep(0.05)

            kind = {**TUS, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
            api.call("PATCH", where, headers=kind, data=drip())

        killed_during(house, slowly, 0.4)
    start = offset()
    assert start >= promised
    patch(start, content[start:])
    until(lambda: api.good("GET", where)["state"] == "done")
    assert [one["fate"] for one in api.good("GET", where)["files"]] == ["verified"]
    assert held(api, content)


def test_a_submit_happens_wholly_or_not_at_all(house: County) -> None:
    doctor = house.api("requester")
    for number in range(ROUNDS):
        consults = [draft(doctor, name="唐明远")[1] for _ in range(3)]
        done: list[str] = []

        def submit(consults: list[str] = consults, done: list[str] = done) -> None:
            for consult in consults:
                move(doctor, consult, "submit", reason="其余检查本院无条件完成。")
                done.append(consult)

        killed_during(house, submit, 0.03 + 0.05 * number)
        for consult in consults:
            view = state(doctor, consult)
            moves = [one for one in timeline(doctor, consult) if one.get("move") == "submit"]
            assert view["state"] in {"draft", "triage"}
            assert len(moves) == (view["state"] == "triage"), (
                "a move and its line in the timeline stand or fall together"
            )
            assert consult not in done or view["state"] == "triage"
            if view["state"] == "draft":
                move(doctor, consult, "submit", reason="其余检查本院无条件完成。")


def timeline(api: Api, consult: str) -> list[dict[str, Any]]:
    return list(api.good("GET", f"/api/v1/consults/{consult}/timeline")["items"])


def test_messages_that_were_acknowledged_are_there_once(house: County) -> None:
    doctor = house.api("requester")
    _, consult = draft(doctor, name="唐明远")
    move(doctor, consult, "submit", reason="其余检查本院无条件完成。")
    acknowledged: list[str] = []

    def write() -> None:
        for number in range(200):
            text = f"第 {number} 条"
            keyed = {"Idempotency-Key": f"message-{consult}-{number}"}
            for _ in range(40):
                try:
                    answer = doctor.post(f"/api/v1/consults/{consult}/messages", {"text": text}, headers=keyed)
                except BROKEN:
                    time.sleep(0.3)
                    continue
                if answer.status_code == 201 or answer.status_code == 200:
                    acknowledged.append(text)
                    break
                time.sleep(0.3)
            if len(acknowledged) >= 40:
                return

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(ROUNDS):
        time.sleep(0.5)
        kill(house)
    thread.join(180)
    kept = [one["text"] for one in doctor.good("GET", f"/api/v1/consults/{consult}/messages")["items"]]
    assert sorted(kept) == sorted(set(kept)), "sent again after a broken line, it stands once"
    assert set(acknowledged) <= set(kept)


def test_a_signature_happens_wholly_or_not_at_all(house: County) -> None:
    doctor, specialist = house.api("requester"), house.api("specialist")
    me = specialist.good("GET", "/api/v1/me")["id"]
    for number in range(ROUNDS):
        _, consult = draft(doctor, name="唐明远")
        move(doctor, consult, "submit", reason="其余检查本院无条件完成。")
        move(house.api("coordinator"), consult, "assign", specialist_id=me)
        move(specialist, consult, "accept")
        move(specialist, consult, "begin_report")
        saved = specialist.good("PUT", f"/api/v1/consults/{consult}/report", {**REPORT, "version": 0})
        body = {"version": saved["version"], "password": house.password}
        signed: list[int] = []

        def sign(consult: str = consult, body: dict[str, Any] = body, signed: list[int] = signed) -> None:
            signed.append(specialist.post(f"/api/v1/consults/{consult}/report/sign", body).status_code)

        killed_during(house, sign, 0.3 + 0.5 * number)
        view = state(specialist, consult)
        pdf = specialist.get(f"/api/v1/consults/{consult}/report.pdf")
        standing = specialist.good("GET", f"/api/v1/consults/{consult}/report")
        if view["state"] == "delivered":
            assert pdf.status_code == 200
            assert len(standing["reports"]) == 1
        else:
            assert signed != [200]
            assert (view["state"], pdf.status_code, standing["reports"]) == ("reporting", 404, [])
            assert standing["draft"]["content"]["findings"] == REPORT["findings"]
            again = {"version": standing["draft"]["version"], "password": house.password}
            assert specialist.post(f"/api/v1/consults/{consult}/report/sign", again).status_code == 200
        assert specialist.get(f"/api/v1/consults/{consult}/report.pdf").content.startswith(b"%PDF")


def test_the_audit_is_whole_after_all_that(house: County) -> None:
    import subprocess
    import sys

    from tests.builders.county import environment

    def whole() -> bool:
        done = subprocess.run(
            [sys.executable, "-m", "teleconsult", "verify-audit"],
            env=environment(TELECONSULT_DATA_DIR=str(house.data)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "tampered" not in done.stdout, done.stdout
        return done.returncode == 0

    until(whole, 60)


@pytest.mark.parametrize("name", ["media", "dimse"])
def test_the_other_children_come_back_too(house: County, name: str) -> None:
    before = house.pids()
    if name not in before:
        pytest.skip(f"there is no {name} process in this house")
    os.kill(before[name], signal.SIGKILL)
    until(lambda: house.pids().get(name, before[name]) != before[name], 60)
    assert house.pids()["web"] == before["web"], "only what died is started again"
