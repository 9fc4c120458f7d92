"""Two people in a room over real WebSockets."""

import asyncio
import json

import pytest
from aiohttp import WSMsgType
from aiortc import RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from signaling.app import ROOMS
from signaling.media.bandwidth import Pictures, Step
from tests.signaling.test_whip import exchange, peer, ticket  # noqa: F401 - the fixture


async def said(socket, kind):
    async with asyncio.timeout(5):
        while True:
            frame = await socket.receive()
            assert frame.type is WSMsgType.TEXT, frame
            word = json.loads(frame.data)
            if word["type"] == kind:
                return word


async def enter(client, who, resume=False):
    socket = await client.ws_connect("/rtc")
    await socket.send_json({"type": "hello", "version": 1, "ticket": ticket("r", who), "resume": resume})
    return socket, await said(socket, "welcome")


async def test_people_see_each_other_come_change_and_leave(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    wang, welcome = await enter(exchange, "wang")
    assert [seat["participant"] for seat in welcome["seats"]] == ["li", "wang"]
    assert (await said(li, "seat"))["seat"]["participant"] == "wang"
    await wang.send_json({"type": "state", "audio": False, "video": True})
    seat = (await said(li, "seat"))["seat"]
    assert (seat["audio"], seat["screen"], seat["sound"]) == (False, False, False)
    await wang.send_json({"type": "state", "audio": False, "video": True, "screen": True, "sound": True})
    seat = (await said(li, "seat"))["seat"]
    assert (seat["audio"], seat["screen"], seat["sound"]) == (False, True, True), "a screen sounds beside a muted voice"
    await wang.send_json({"type": "state", "audio": True, "video": False, "paused": True})
    seat = (await said(li, "seat"))["seat"]
    assert (seat["video"], seat["paused"]) == (False, True), "the line's doing, and not theirs"
    await wang.send_json({"type": "leave"})
    assert (await said(li, "gone"))["reason"] == "left"
    assert (await said(wang, "closing"))["code"] == "left"
    await li.close()


async def test_a_cut_socket_keeps_the_seat_and_coming_back_is_noticed(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    wang, _ = await enter(exchange, "wang")
    await said(li, "seat")
    await wang.close()
    assert (await said(li, "seat"))["seat"]["present"] is False
    again, welcome = await enter(exchange, "wang", resume=True)
    assert welcome["resumed"] is False
    assert (await said(li, "seat"))["seat"]["present"] is True
    await again.close()
    await li.close()


async def test_an_offer_is_answered_and_the_others_learn_of_the_tracks(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    wang, _ = await enter(exchange, "wang")
    connection = peer()
    connection.addTransceiver("audio", direction="sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"type": "offer", "number": 1, "sdp": connection.localDescription.sdp, "sends": {"0": "audio"}}
    await wang.send_json(offer)
    assert (await said(wang, "answer"))["number"] == 1
    await said(li, "seat")
    assert (await said(li, "seat"))["seat"]["tracks"] == ["audio"]
    await connection.close()
    await li.close()
    await wang.close()


async def test_a_share_reaches_the_others_and_late_joiners(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    wang, _ = await enter(exchange, "wang")
    await wang.send_json({"type": "share", "topic": "view", "body": {"slice": 7}})
    assert (await said(li, "shared"))["body"] == {"slice": 7}
    _, welcome = await enter(exchange, "zhao")
    assert welcome["shared"] == {"view": {"participant": "wang", "slice": 7}}
    await li.close()
    await wang.close()


@pytest.mark.parametrize(
    "frame", ["", "{}", "[1]", '{"type":"offer","number":1,"sdp":"v=0"}', '{"type":"hello","version":9,"ticket":""}']
)
async def test_nonsense_is_refused_and_the_room_goes_on(exchange, frame):  # noqa: F811
    li, _ = await enter(exchange, "li")
    stranger = await exchange.ws_connect("/rtc")
    await stranger.send_str(frame)
    assert (await said(stranger, "refused"))["code"]
    await li.send_str(frame)
    assert (await said(li, "refused"))["code"]
    await li.send_json({"type": "ping", "number": 5})
    assert (await said(li, "pong"))["number"] == 5
    await stranger.close()
    await li.close()


async def test_a_stranger_without_a_ticket_learns_nothing(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    answers = []
    for room in ("r", "nowhere"):
        stranger = await exchange.ws_connect("/rtc")
        await stranger.send_json({"type": "hello", "version": 1, "ticket": "forged." + room})
        answers.append(await said(stranger, "refused"))
        await stranger.close()
    assert answers[0] == answers[1]
    assert len(list(exchange.app[ROOMS].live())) == 1
    await li.close()


async def test_nobody_can_send_without_the_grant_or_take_what_is_not_there(exchange):  # noqa: F811
    from signaling.ports import Grant

    socket = await exchange.ws_connect("/rtc")
    only = ticket("r", "guest", grants=frozenset({Grant.SUBSCRIBE}))
    await socket.send_json({"type": "hello", "version": 1, "ticket": only})
    await said(socket, "welcome")
    await socket.send_json({"type": "offer", "number": 1, "sdp": "v=0", "sends": {"0": "audio"}})
    assert (await said(socket, "refused"))["code"] == "not_admitted"
    await socket.send_json({"type": "offer", "number": 2, "sdp": "v=0", "takes": {"0": "ghost/audio"}})
    assert (await said(socket, "refused"))["code"] == "offer"
    await socket.close()


async def test_a_viewer_by_whep_who_waits_sees_who_publishes_by_the_socket(exchange):  # noqa: F811
    from aiortc import RTCSessionDescription
    from aiortc.mediastreams import VideoStreamTrack

    from tests.signaling.test_whip import frame_of, playing

    viewer, _ = await playing(exchange, "/whep/r?publisher=li")
    li, _ = await enter(exchange, "li")
    camera = peer()
    camera.addTrack(VideoStreamTrack())
    await camera.setLocalDescription(await camera.createOffer())
    await li.send_json({"type": "offer", "number": 1, "sdp": camera.localDescription.sdp, "sends": {"0": "video"}})
    await camera.setRemoteDescription(RTCSessionDescription((await said(li, "answer"))["sdp"], "answer"))
    assert (await frame_of(viewer, "video")).width == 640
    await viewer.close()
    await camera.close()
    await li.close()


async def test_both_ways_in_one_section(exchange):  # noqa: F811
    from tests.signaling.test_whip import frame_of

    sockets, links = {}, {}
    for who in ("li", "wang"):
        sockets[who], _ = await enter(exchange, who)
        links[who] = peer()
        links[who].addTrack(VideoStreamTrack())
    for who, other in (("li", "wang"), ("wang", "li")):
        await links[who].setLocalDescription(await links[who].createOffer())
        offer = {"type": "offer", "number": 1, "sdp": links[who].localDescription.sdp}
        await sockets[who].send_json({**offer, "sends": {"0": "video"}, "takes": {"0": f"{other}/video"}})
        answer = (await said(sockets[who], "answer"))["sdp"]
        assert "a=sendrecv" in answer
        await links[who].setRemoteDescription(RTCSessionDescription(answer, "answer"))
    for link in links.values():
        assert (await frame_of(link, "video")).width == 640
        await link.close()
    for socket in sockets.values():
        await socket.close()


async def test_a_busy_computer_is_asked_for_smaller_pictures_and_its_line_is_not_blamed(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    link = peer()
    link.addTrack(VideoStreamTrack())
    await link.setLocalDescription(await link.createOffer())
    await li.send_json({"type": "offer", "number": 1, "sdp": link.localDescription.sdp, "sends": {"0": "video"}})
    await link.setRemoteDescription(RTCSessionDescription((await said(li, "answer"))["sdp"], "answer"))
    figures = {"loss": 0, "rtt_ms": 5, "fps": 9, "concealed": 0}
    await li.send_json({"type": "quality", **figures, "busy": True})
    held = exchange.app[ROOMS].peer("r", "li")
    async with asyncio.timeout(20):
        while not held.feedback.relief.given:
            await asyncio.sleep(0.1)
    word = await said(li, "tier")
    assert (word["tier"], word["reason"]) == ("medium", "computer")
    assert held.feedback.sending.step is Step.HIGH
    await link.close()
    await li.close()


async def test_one_track_is_taken_once(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    await enter(exchange, "wang")
    takes = {str(number): "wang/video" for number in range(5)}
    await li.send_json({"type": "offer", "number": 1, "sdp": "v=0", "takes": takes})
    assert (await said(li, "refused"))["code"] == "offer"


async def test_a_shared_word_that_would_flood_the_room_is_refused(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    await li.send_json({"type": "share", "topic": "view", "body": {"text": "x" * 10_000}})
    assert (await said(li, "refused"))["code"] == "message"
    await li.send_json({"type": "share", "topic": "hand", "body": {"up": True}})
    await li.send_json({"type": "share", "topic": "hand", "body": {}})
    _, welcome = await enter(exchange, "wang")
    assert welcome["shared"] == {}


async def test_what_a_new_ticket_no_longer_allows_ends(exchange):  # noqa: F811
    from signaling.ports import Grant
    from tests.signaling.test_whip import publishing

    camera, _ = await publishing(exchange, pass_=ticket("r", "li"))
    assert exchange.app[ROOMS].peer("r", "li")
    socket = await exchange.ws_connect("/rtc")
    only_look = ticket("r", "li", grants=frozenset({Grant.SUBSCRIBE}))
    await socket.send_json({"type": "hello", "version": 1, "ticket": only_look})
    await said(socket, "welcome")
    assert exchange.app[ROOMS].peer("r", "li") is None
    await camera.close()
    await socket.close()


async def test_a_weak_way_up_and_a_weak_way_down_are_told_apart_and_each_when_it_changes(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    connection = peer()
    connection.addTrack(AudioStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"type": "offer", "number": 1, "sdp": connection.localDescription.sdp, "sends": {"0": "audio"}}
    await li.send_json(offer)
    answer = RTCSessionDescription((await said(li, "answer"))["sdp"], "answer")
    await connection.setRemoteDescription(answer)
    links = exchange.app[ROOMS].peer("r", "li").feedback
    told = []
    for up, down in ((Step.VOICE, True), (Step.VOICE, False), (Step.LOW, False), (Step.LOW, True)):
        links.sending.forced, links.pictures = up, Pictures(down, 0, 10.0, 1e12)
        word = await said(li, "tier")
        told.append((word["tier"], word["reason"]))
    assert told == [("voice", "uplink"), ("voice", "downlink"), ("low", "uplink"), ("high", "downlink")]
    await connection.close()
    await li.close()


async def test_who_chose_voice_only_gets_no_pictures_after_a_new_connection_either(exchange):  # noqa: F811
    li, _ = await enter(exchange, "li")
    await li.send_json({"type": "ladder", "choice": "voice"})
    connection = peer()
    connection.addTrack(AudioStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"type": "offer", "number": 1, "sdp": connection.localDescription.sdp, "sends": {"0": "audio"}}
    await li.send_json(offer)
    await connection.setRemoteDescription(RTCSessionDescription((await said(li, "answer"))["sdp"], "answer"))
    async with asyncio.timeout(5):
        while exchange.app[ROOMS].peer("r", "li").shows_video:
            await asyncio.sleep(0.05)
    await connection.close()
    await li.close()


async def test_what_a_browser_hears_is_on_the_record_and_in_the_figures(aiohttp_client):
    from signaling.app import create_app
    from signaling.config import ExchangeSettings
    from tests.signaling.test_whip import KEY

    class Record:
        def __init__(self):
            self.quality = []

        def heard(self, happening):
            if happening.kind == "quality":
                self.quality.append(happening.detail)

    record = Record()
    client = await aiohttp_client(create_app(ExchangeSettings(KEY, udp_port=0), listener=record))
    li, _ = await enter(client, "li")
    for _ in range(3):
        await li.send_json({"type": "quality", "loss": 0.02, "rtt_ms": 80, "fps": 20, "concealed": 0.01})
    await li.send_json({"type": "ping", "number": 1})
    await said(li, "pong")
    (kept,) = record.quality
    assert 3.5 < kept["mos"] < 4.4
    async with client.get("/metrics") as answer:
        assert "media_voice_reports_total 3\n" in await answer.text()
    await li.close()
