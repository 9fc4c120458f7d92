"""Who waits at the door learns nothing and is not heard, until somebody inside who may says yes."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import WSMsgType
from hypothesis import given
from hypothesis import strategies as st

from signaling.app import ROOMS
from signaling.effects import CloseRoom, Greet, Hang, Note, Tape, Tell
from signaling.errors import NotAdmitted, RoomRefused
from signaling.messages import Knock, KnockGone, SeatChanged
from signaling.ports import Admission, Grant
from signaling.roles import GRANTS, Role, grants_of
from signaling.room import Room
from tests.signaling.test_hub import said
from tests.signaling.test_whip import exchange, peer, ticket  # noqa: F401 - the fixture

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOLD = timedelta(seconds=60)
PATIENT = grants_of("patient", waiting_room=True)


def admission(who, grants):
    return Admission("r", who, who.title(), "patient" if Grant.WAIT in grants else "doctor", frozenset(grants), NOON)


def room(max_seats=5):
    """A specialist inside, a patient at the door."""
    made = Room("r", HOLD, max_seats)
    made.join(admission("wang", GRANTS[Role.SPECIALIST]), 1, NOON)
    made.join(admission("village", GRANTS[Role.REQUESTER]), 2, NOON)
    return made, made.join(admission("patient", PATIENT), 3, NOON)


def kinds(effects):
    return [effect.happening.kind for effect in effects if isinstance(effect, Note)]


def told(effects, word):
    return [effect.participant for effect in effects if isinstance(effect, Tell) and isinstance(effect.reply, word)]


# ---------------------------------------------------------------- the rules
def test_a_knock_is_heard_by_those_who_may_answer_it():
    made, effects = room()
    assert told(effects, Knock) == ["wang"]
    assert kinds(effects) == ["knocked"]
    assert [seat.participant for seat in made.seats] == ["wang", "village"]
    assert [one.participant for one in made.asking("wang")] == ["patient"]
    assert made.asking("village") == ()
    assert made.asking("patient") == ()


def test_who_is_let_in_is_welcomed_and_has_a_seat():
    made, _ = room()
    effects = made.admit("patient", NOON, "wang", welcome=True)
    assert Greet("patient") in effects
    assert kinds(effects) == ["admitted", "joined"]
    assert told(effects, KnockGone) == ["wang"]
    assert told(effects, SeatChanged) == ["wang", "village"]
    assert made.socket_of("patient") == 3


def test_who_is_turned_away_is_told_so_and_nothing_else():
    made, _ = room()
    effects = made.admit("patient", NOON, "wang", welcome=False)
    assert [(one.socket, one.reply.code) for one in effects if isinstance(one, Hang)] == [(3, "declined")]
    assert not made.holds("patient")
    assert kinds(made.join(admission("patient", PATIENT), 4, NOON)) == ["knocked"]


@pytest.mark.parametrize("who", ["village", "patient", "nobody"])
def test_others_let_nobody_in(who):
    made, _ = room()
    with pytest.raises(NotAdmitted):
        made.admit("patient", NOON, who, welcome=True)
    assert not made.holds("patient")


def test_nobody_is_let_in_who_does_not_wait():
    made, _ = room()
    for who in ("nobody", "village"):
        with pytest.raises(RoomRefused):
            made.admit(who, NOON, "wang", welcome=True)


def test_who_was_let_in_once_comes_back_without_asking_unless_sent_out():
    made, _ = room()
    made.admit("patient", NOON, "wang", welcome=True)
    made.lose("patient", 3, NOON)
    assert kinds(made.join(admission("patient", PATIENT), 4, NOON)) == ["back"]
    made.leave("patient", NOON)
    assert kinds(made.join(admission("patient", PATIENT), 5, NOON)) == ["joined"]
    made.remove("patient", NOON)
    assert kinds(made.join(admission("patient", PATIENT), 6, NOON)) == ["knocked"]


def test_a_second_tab_at_the_door_replaces_the_first():
    made, _ = room()
    (hung,) = made.join(admission("patient", PATIENT), 9, NOON)
    assert (hung.socket, hung.reply.code) == (3, "replaced")
    assert made.lose("patient", 3, NOON) == []
    assert made.admit("patient", NOON, "wang", welcome=True)
    assert made.socket_of("patient") == 9


@pytest.mark.parametrize("how", ["lose", "leave", "remove"])
def test_who_goes_from_the_door_is_gone_for_those_inside(how):
    made, _ = room()
    effects = {
        "lose": lambda: made.lose("patient", 3, NOON),
        "leave": lambda: made.leave("patient", NOON),
        "remove": lambda: made.remove("patient", NOON),
    }[how]()
    assert told(effects, KnockGone) == ["wang"]
    assert made.asking("wang") == ()


def test_the_end_of_the_call_is_told_at_the_door():
    made, _ = room()
    effects = made.end(NOON)
    assert {one.socket for one in effects if isinstance(one, Hang)} == {1, 2, 3}
    assert isinstance(effects[-1], CloseRoom)


def test_those_at_the_door_count_for_the_room_s_size_and_keep_it_open():
    made, _ = room(max_seats=3)
    with pytest.raises(RoomRefused, match="full"):
        made.join(admission("guardian", PATIENT), 9, NOON)
    made.leave("wang", NOON)
    made.leave("village", NOON)
    assert made.tick(NOON + 10 * HOLD, HOLD) == []
    made.leave("patient", NOON)
    assert isinstance(made.tick(NOON + 10 * HOLD, HOLD)[-1], CloseRoom)


def test_hands_keep_their_order_and_a_host_lowers_them():
    made, _ = room()
    made.raise_hand("village", up=True, by="village")
    made.raise_hand("wang", up=True, by="wang")
    assert [seat.hand for seat in made.seats] == [2, 1]
    assert made.raise_hand("wang", up=True, by="wang") == []
    with pytest.raises(NotAdmitted):
        made.raise_hand("village", up=False, by="wang")
    made.join(admission("host", GRANTS[Role.HOST]), 8, NOON)
    with pytest.raises(NotAdmitted):
        made.raise_hand("wang", up=True, by="host")
    assert told(made.raise_hand("village", up=False, by="host"), SeatChanged) == ["wang", "village", "host"]
    with pytest.raises(RoomRefused):
        made.raise_hand("patient", up=True, by="patient")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["speaks", "watches", "waits", "admit", "leave", "yes", "no", "on", "pause", "off"]),
            st.sampled_from(["wang", "village", "patient"]),
        ),
        max_size=30,
    )
)
def test_nobody_is_written_while_anybody_who_may_speak_has_not_agreed(walk):
    made, _ = room()
    made.join(admission("host", GRANTS[Role.HOST] | {Grant.RECORD, Grant.CONSENT}), 9, NOON)
    acts = {
        "speaks": lambda who, number: made.join(admission(who, GRANTS[Role.REQUESTER]), number, NOON),
        "watches": lambda who, number: made.join(admission(who, GRANTS[Role.OBSERVER]), number, NOON),
        "waits": lambda who, number: made.join(admission(who, PATIENT), number, NOON),
        "admit": lambda who, _: made.admit(who, NOON, "host", welcome=True),
        "leave": lambda who, _: made.leave(who, NOON),
        "yes": lambda who, _: made.consent(who, NOON, given=True),
        "no": lambda who, _: made.consent(who, NOON, given=False),
        "on": lambda *_: made.record(NOON, "host", on=True, paused=False),
        "pause": lambda *_: made.record(NOON, "host", on=True, paused=True),
        "off": lambda *_: made.record(NOON, "host", on=False, paused=False),
    }
    written: set[str] = set()
    for number, (act, who) in enumerate(walk, 10):
        try:
            effects = acts[act](who, number)
        except (RoomRefused, NotAdmitted):
            continue
        seats = {seat.participant: seat for seat in made.seats}
        speaking = {one for one in seats if Grant.PUBLISH in made.grants(one)}
        runs = made.recording is not None and not made.recording.paused
        now = {one for one in seats if runs and made.recordable(one)}
        assert not now or all(seats[one].consent for one in speaking)
        assert act != "no" or who not in seats or made.recording is None
        assert now == written & set(seats) or any(isinstance(one, Tape) for one in effects), "the tapes are told"
        written = now


def test_roles_have_their_rights():
    assert Grant.PUBLISH not in grants_of("observer")
    assert Grant.ADMIT in grants_of("host") & grants_of("specialist")
    assert Grant.ADMIT not in grants_of("requester") | grants_of("patient") | grants_of("interpreter")
    assert Grant.WAIT in grants_of("guardian", waiting_room=True)
    assert Grant.WAIT not in grants_of("patient") | grants_of("specialist", waiting_room=True)
    assert grants_of("emperor") == grants_of("observer")
    assert set(GRANTS) == set(Role)


ACTS = {
    "join": lambda made, who, number: made.join(admission(who, GRANTS[Role.REQUESTER]), number, NOON),
    "wait": lambda made, who, number: made.join(admission(who, PATIENT), number, NOON),
    "lose": lambda made, who, _: made.lose(who, made.socket_of(who) or 0, NOON),
    "leave": lambda made, who, _: made.leave(who, NOON),
    "remove": lambda made, who, _: made.remove(who, NOON),
    "admit": lambda made, who, _: made.admit(who, NOON, "wang", welcome=True),
    "decline": lambda made, who, _: made.admit(who, NOON, "wang", welcome=False),
    "hand": lambda made, who, _: made.raise_hand(who, up=True, by=who),
    "tick": lambda made, *_: made.tick(NOON + HOLD, HOLD),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from(["wang", "a", "b", "c"])), max_size=40))
def test_whatever_happens_nobody_is_inside_and_at_the_door(walk):
    made, _ = room(max_seats=4)
    for number, (act, who) in enumerate(walk, 10):
        try:
            effects = ACTS[act](made, who, number)
        except (RoomRefused, NotAdmitted):
            continue
        inside = {seat.participant for seat in made.seats}
        outside = {one.participant for one in made.asking("wang")}
        assert not inside & outside
        assert len(inside | outside) <= 4
        spoken_to = {one.participant for one in effects if isinstance(one, Tell)}
        assert spoken_to <= inside, "nothing is told to who has no seat"


# ---------------------------------------------------------------- over real sockets
async def at_the_door(client, who="patient"):
    line = await client.ws_connect("/rtc")
    await line.send_json({"type": "hello", "version": 1, "ticket": ticket("r", who, grants=PATIENT)})
    return line


async def inside(client, who, role):
    line = await client.ws_connect("/rtc")
    await line.send_json({"type": "hello", "version": 1, "ticket": ticket("r", who, grants=grants_of(role))})
    return line, await said(line, "welcome")


async def all_said(line, seconds=0.5):
    """Everything that comes within a moment."""
    words = []
    try:
        async with asyncio.timeout(seconds):
            while (frame := await line.receive()).type is WSMsgType.TEXT:
                words.append(json.loads(frame.data))
    except TimeoutError:
        pass
    return words


async def test_who_waits_hears_and_learns_nothing_and_is_let_in(exchange):  # noqa: F811
    wang, _ = await inside(exchange, "wang", "specialist")
    patient = await at_the_door(exchange)
    assert (await said(patient, "waiting"))["participant"] == "patient"
    assert (await said(wang, "knock"))["who"] == {"participant": "patient", "name": "Patient", "role": "doctor"}
    village, welcome = await inside(exchange, "village", "requester")
    assert [seat["participant"] for seat in welcome["seats"]] == ["wang", "village"]
    assert welcome["asking"] == []
    await wang.send_json({"type": "share", "topic": "view", "body": {"slice": 7}})
    for word in (
        {"type": "share", "topic": "view", "body": {"slice": 8}},
        {"type": "state", "audio": True, "video": True},
        {"type": "offer", "number": 1, "sdp": "v=0", "takes": {"0": "wang/audio"}},
        {"type": "admit", "participant": "patient"},
        {"type": "hand", "up": True},
        {"type": "remove", "participant": "wang"},
        {"type": "end"},
    ):
        await patient.send_json(word)
        assert (await said(patient, "refused"))["code"] == "not_now"
    assert await all_said(patient) == []
    assert {word["type"] for word in await all_said(village)} == {"shared"}
    await wang.send_json({"type": "admit", "participant": "patient"})
    assert [seat["participant"] for seat in (await said(patient, "welcome"))["seats"]] == ["wang", "village", "patient"]
    assert (await said(wang, "knock_gone"))["outcome"] == "admitted"
    assert (await said(village, "seat"))["seat"]["participant"] == "patient"
    await patient.send_json({"type": "hand", "up": True})
    assert (await said(village, "seat"))["seat"]["hand"] == 1
    for line in (wang, patient, village):
        await line.close()


@pytest.mark.parametrize("role", ["patient", "guardian", "interpreter", "observer"])
async def test_whose_films_they_are_not_to_read_are_never_named_to_them(exchange, role):  # noqa: F811
    wang, _ = await inside(exchange, "wang", "specialist")
    village, _ = await inside(exchange, "village", "requester")
    early, _ = await inside(exchange, "early", role)
    film = {"study": "1.2.840.1", "series": "1.2.840.1.2", "instance": "1.2.840.1.2.3"}
    await wang.send_json({"type": "share", "topic": "view", "body": film})
    await wang.send_json({"type": "share", "topic": "chat", "body": {"new": 1}})
    assert (await said(village, "shared"))["body"] == film
    late, welcome = await inside(exchange, "late", role)
    assert welcome["shared"] == {"chat": {"participant": "wang", "new": 1}}
    await wang.send_json({"type": "share", "topic": "view", "body": {**film, "frame": 2}})
    await wang.send_json({"type": "share", "topic": "view", "body": {}})
    await late.close()  # it is lost, and may come back to the same seat
    again, welcome = await inside(exchange, "late", role)
    for heard in ([welcome], await all_said(early), await all_said(again)):
        assert not any("1.2.840" in str(word) or "view" in str(word) for word in heard)
    for line in (wang, village, early, again):
        await line.close()


async def test_who_is_turned_away_is_hung_up_on(exchange):  # noqa: F811
    patient = await at_the_door(exchange)
    await said(patient, "waiting")
    wang, welcome = await inside(exchange, "wang", "specialist")
    assert [one["participant"] for one in welcome["asking"]] == ["patient"], "who came first is told who waits"
    await wang.send_json({"type": "admit", "participant": "patient", "welcome": False})
    assert (await said(patient, "closing"))["code"] == "declined"
    await wang.send_json({"type": "admit", "participant": "patient"})
    assert (await said(wang, "refused"))["code"] == "not_waiting"
    await wang.close()


@pytest.mark.parametrize("door", ["whip", "whep"])
async def test_the_standard_doors_do_not_lead_around_it(exchange, door):  # noqa: F811
    connection = peer()
    connection.addTransceiver("audio", direction="sendonly" if door == "whip" else "recvonly")
    await connection.setLocalDescription(await connection.createOffer())

    async def tried():
        pass_ = ticket("r", "patient", grants=PATIENT)
        headers = {"Content-Type": "application/sdp", "X-Ticket": pass_}
        async with exchange.post(f"/{door}/r", data=connection.localDescription.sdp, headers=headers) as answer:
            return answer.status

    assert await tried() == 403
    wang, _ = await inside(exchange, "wang", "host")
    patient = await at_the_door(exchange)
    await said(wang, "knock")
    assert await tried() == 403
    assert not exchange.app[ROOMS].peer("r", "patient")
    await wang.send_json({"type": "admit", "participant": "patient"})
    await said(patient, "welcome")
    assert await tried() == 201
    await connection.close()
    await wang.close()
    await patient.close()


async def test_who_is_revoked_at_the_door_is_gone(exchange):  # noqa: F811
    wang, _ = await inside(exchange, "wang", "specialist")
    patient = await at_the_door(exchange)
    await said(wang, "knock")
    assert exchange.app[ROOMS].revoke("r", "patient")
    assert (await said(patient, "closing"))["code"] == "removed"
    assert (await said(wang, "knock_gone"))["outcome"] == "left"
    await wang.close()
