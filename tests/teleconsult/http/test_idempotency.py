import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from teleconsult.errors import Conflict
from teleconsult.http.csrf import token_for
from teleconsult.http.idempotency import FIRST_ANSWERS, FirstAnswer, FirstAnswers
from tests.builders.database import a_vault
from tests.teleconsult.http.conftest import PEOPLE

WANG = {"Authorization": "Bearer wang"}
KEY = WANG | {"Idempotency-Key": "0190-abc"}
COOKIE = {"teleconsult_session": "wang"}
CSRF = token_for(a_vault().subkey("csrf"), PEOPLE["wang"])


async def test_twenty_posts_at_once_with_one_key_have_one_effect(client, things):
    async def send():
        answer = await client.post("/api/v1/things", json={"name": "王"}, headers=KEY)
        return answer.status, await answer.text()

    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(send()) for _ in range(20)]
    assert {task.result() for task in sent} == {(201, '{"number":1,"name":"王"}')}
    assert things.made == 1


async def test_two_processes_have_one_effect(client, things, app, database):
    """Two tables of keys over one database do not share a lock."""
    other = FirstAnswers(database, a_vault())

    async def run():
        await asyncio.sleep(0.05)
        return await _response()

    ran = []

    async def once(answers):
        async def counted():
            ran.append(answers)
            return await run()

        return (await answers.once(("wang", "k", "r"), b"f" * 32, counted)).status

    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(once(answers)) for answers in (app[FIRST_ANSWERS], other) * 3]
    assert [task.result() for task in sent] == [201] * 6
    assert len(ran) == 1


async def _response():
    from aiohttp import web

    return web.Response(status=201, text="made")


async def test_the_same_key_with_another_body_is_refused(client, things):
    await client.post("/api/v1/things", json={"name": "x"}, headers=KEY)
    answer = await client.post("/api/v1/things", json={"name": "y"}, headers=KEY)
    assert (answer.status, (await answer.json())["code"]) == (422, "idempotency_key_reused")
    assert things.made == 1


async def test_another_person_may_use_the_same_key(client, things):
    await client.post("/api/v1/things", json={"name": "x"}, headers=KEY)
    answer = await client.post("/api/v1/things", json={"name": "x"}, headers=KEY | {"Authorization": "Bearer chen"})
    assert answer.status == 403


async def test_a_refused_request_may_be_repaired_and_sent_again(client, things):
    assert (await client.post("/api/v1/things", json={"name": ""}, headers=KEY)).status == 422
    assert (await client.post("/api/v1/things", json={"name": "x"}, headers=KEY)).status == 201


@pytest.mark.parametrize("key", ["x" * 129, "a b"])
async def test_what_is_no_key_is_refused(client, key):
    answer = await client.post("/api/v1/things", json={"name": "x"}, headers=WANG | {"Idempotency-Key": key})
    assert answer.status == 400


async def test_a_form_sent_twice_leads_to_the_same_page(client, things):
    form = {"name": "x", "csrf": CSRF, "idempotency_key": "k1"}
    places = []
    for _ in range(2):
        answer = await client.post("/things", data=form, cookies=COOKIE, allow_redirects=False)
        places.append((answer.status, answer.headers["Location"]))
    assert places == [(303, "/things?made=1&name=0")] * 2
    assert things.made == 1


async def test_the_kept_answer_is_sealed(client, database):
    await client.post("/api/v1/things", json={"name": "欧阳若兰"}, headers=KEY)
    async with database.read() as session:
        row = (await session.scalars(select(FirstAnswer))).one()
    assert "欧阳若兰".encode() not in row.answer


async def test_a_claim_whose_process_died_is_taken_over_later(app, database, clock, monkeypatch):
    answers = app[FIRST_ANSWERS]
    async with database.write(PEOPLE["wang"]) as work:
        work.session.add(FirstAnswer(actor="wang", key="k", route="r", fingerprint=b"f" * 32, at=work.at))
    monkeypatch.setattr("teleconsult.http.idempotency._WAIT_FOR_OTHER", timedelta(seconds=0.3))
    with pytest.raises(Conflict):
        await answers.once(("wang", "k", "r"), b"f" * 32, _response)
    clock.turn(minutes=3)
    assert (await answers.once(("wang", "k", "r"), b"f" * 32, _response)).status == 201


async def test_old_keys_are_forgotten(client, app, clock):
    await client.post("/api/v1/things", json={"name": "x"}, headers=KEY)
    assert await app[FIRST_ANSWERS].forget() == 0
    clock.turn(days=3)
    assert await app[FIRST_ANSWERS].forget() == 1


async def test_what_was_done_before_a_crash_is_not_done_again(app, database, clock):
    answers = app[FIRST_ANSWERS]

    async def dies_after_its_effect():
        async with database.write(PEOPLE["wang"]):
            pass
        answers._release = answers._keep = _nothing
        raise KeyboardInterrupt

    name = ("wang", "k", "r")
    with pytest.raises(KeyboardInterrupt):
        await answers.once(name, b"f" * 32, dies_after_its_effect)
    clock.turn(minutes=3)
    with pytest.raises(Conflict) as refused:
        await answers.once(name, b"f" * 32, _response)
    assert refused.value.code == "answer_lost"


async def test_what_failed_after_its_effect_is_not_done_again(app, database):
    async def fails_after_its_effect():
        async with database.write(PEOPLE["wang"]):
            pass
        raise RuntimeError

    name = ("wang", "k", "r")
    with pytest.raises(RuntimeError):
        await app[FIRST_ANSWERS].once(name, b"f" * 32, fails_after_its_effect)
    with pytest.raises(Conflict):
        await app[FIRST_ANSWERS].once(name, b"f" * 32, _response)


async def _nothing(*_given):
    return None
