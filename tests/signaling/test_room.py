"""A seat belongs to a person and not to a socket."""

from datetime import UTC, datetime, timedelta

import pytest

from signaling.effects import CloseRoom, DropMedia, Hang, Note, Tell
from signaling.errors import NotAdmitted, RoomRefused
from signaling.messages import SeatChanged
from signaling.ports import Admission, Grant
from signaling.room import Room

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOLD = timedelta(seconds=60)


def admission(who, *grants):
    return Admission("r", who, who.title(), "doctor", frozenset(grants or (Grant.PUBLISH, Grant.SHARE)), NOON)


def room(*people):
    made = Room("r", HOLD, max_seats=3)
    for number, who in enumerate(people, 1):
        made.join(admission(who), number, NOON)
    return made


def kinds(effects):
    return [effect.happening.kind for effect in effects if isinstance(effect, Note)]


def test_the_others_are_told_who_comes():
    made = room("li")
    effects = made.join(admission("wang"), 2, NOON)
    assert [effect.participant for effect in effects if isinstance(effect, Tell)] == ["li"]
    assert kinds(effects) == ["joined"]


def test_a_lost_socket_keeps_the_seat_and_a_reload_takes_it_back():
    made = room("li", "wang")
    assert kinds(made.lose("li", 1, NOON)) == ["away"]
    assert [seat.present for seat in made.seats] == [False, True]
    assert made.tick(NOON + HOLD / 2, HOLD) == []
    assert kinds(made.join(admission("li"), 9, NOON + HOLD / 2)) == ["back"]
    assert [seat.participant for seat in made.seats] == ["li", "wang"]
    assert made.tick(NOON + HOLD * 2, HOLD) == []


def test_a_seat_is_given_up_after_the_hold_time():
    made = room("li", "wang")
    made.lose("li", 1, NOON)
    effects = made.tick(NOON + HOLD, HOLD)
    assert DropMedia("li") in effects
    assert kinds(effects) == ["lost"]


def test_a_second_tab_takes_the_seat_and_the_first_is_told():
    made = room("li")
    effects = made.join(admission("li"), 2, NOON)
    hung = [effect for effect in effects if isinstance(effect, Hang)]
    assert (hung[0].socket, hung[0].reply.code) == (1, "replaced")
    assert made.lose("li", 1, NOON) == []  # the old socket's end changes nothing
    assert made.socket_of("li") == 2


def test_a_full_room_and_an_ended_one_refuse():
    made = room("a", "b", "c")
    with pytest.raises(RoomRefused, match="full"):
        made.join(admission("d"), 4, NOON)
    made.end(NOON)
    with pytest.raises(RoomRefused, match="ended"):
        made.join(admission("a"), 5, NOON)


def test_only_a_host_ends_or_removes():
    made = room("li", "wang")
    for act in (lambda: made.end(NOON, by="li"), lambda: made.remove("wang", NOON, by="li")):
        with pytest.raises(NotAdmitted):
            act()
    made.join(admission("host", Grant.HOST), 7, NOON)
    assert DropMedia("wang") in made.remove("wang", NOON, by="host")
    assert isinstance(made.end(NOON, by="host")[-1], CloseRoom)


def test_an_empty_room_closes_after_lingering():
    made = room("li")
    made.leave("li", NOON)
    assert made.tick(NOON + HOLD / 2, HOLD) == []
    assert isinstance(made.tick(NOON + HOLD, HOLD)[-1], CloseRoom)


def test_what_was_shared_last_waits_for_late_joiners():
    made = room("li")
    made.share("li", "view", {"slice": 3})
    made.share("li", "view", {"slice": 4})
    assert made.shared == {"view": {"participant": "li", "slice": 4}}


def test_which_film_is_looked_at_is_told_to_those_who_may_read_films():
    made = room("li")
    made.join(admission("wang", Grant.SHARE, Grant.FILMS), 2, NOON)
    made.join(admission("patient", Grant.PUBLISH, Grant.SUBSCRIBE), 3, NOON)
    film = {"study": "1.2", "series": "1.2.3", "instance": "1.2.3.4"}
    assert [tell.participant for tell in made.share("li", "view", film)] == ["wang"]
    assert [tell.participant for tell in made.share("li", "view", {})] == ["wang"]
    assert [tell.participant for tell in made.share("li", "chat", {"at": 1})] == ["wang", "patient"]
    made.share("li", "view", film)
    assert set(made.shared_with("wang")) == {"chat", "view"}
    assert set(made.shared_with("patient")) == {"chat"}
    assert made.shared_with("nobody") == {}


def test_nobody_takes_back_what_another_shares():
    made = room("li", "wang")
    made.share("li", "view", {"slice": 3})
    made.share("wang", "view", {})
    assert made.shared == {"view": {"participant": "li", "slice": 3}}
    made.share("li", "view", {})
    assert made.shared == {}


def test_who_may_not_share_is_refused():
    made = Room("r", HOLD, 3)
    made.join(admission("patient", Grant.PUBLISH), 1, NOON)
    with pytest.raises(NotAdmitted):
        made.share("patient", "view", {})


def test_a_yes_to_one_recording_is_none_to_the_next():
    made = room()
    made.join(admission("wang", Grant.PUBLISH, Grant.RECORD, Grant.CONSENT), 1, NOON)
    made.join(admission("li"), 2, NOON)
    made.record(NOON, "wang", on=True, paused=False)
    made.consent("li", NOON, given=True)
    assert made.recordable("wang")
    effects = made.record(NOON, "wang", on=False, paused=False)
    asked = [one.reply.seat for one in effects if isinstance(one, Tell) and isinstance(one.reply, SeatChanged)]
    assert {(seat.participant, seat.consent) for seat in asked} == {("li", False)}, "every page learns that it is asked"
    made.record(NOON, "wang", on=True, paused=False)
    assert not made.recordable("wang")
    assert [seat.consent for seat in made.seats] == [True, False], "a yes on the house's record stays"


def test_nobody_shares_in_anothers_name():
    made = room("li", "wang")
    made.share("li", "view", {"participant": "wang", "frame": 3})
    assert made.shared == {"view": {"participant": "li", "frame": 3}}
