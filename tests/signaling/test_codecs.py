"""Which codec a publisher should send, and who is told that a picture cannot be shown."""

import asyncio

import pytest
from aiortc import RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from hypothesis import given
from hypothesis import strategies as st

from signaling.app import ROOMS
from signaling.codecs import CODECS, NOTHING, Unseen, best, unseen
from tests.signaling.test_hub import enter, said
from tests.signaling.test_whip import exchange, frame_of, only, peer, playing  # noqa: F401 - the fixture

BOTH, VP8, H264 = frozenset(CODECS), frozenset({"VP8"}), frozenset({"H264"})
_PLAYS = st.lists(st.sampled_from([BOTH, VP8, H264, frozenset()]), max_size=6)


@pytest.mark.parametrize(
    ("plays", "sent", "chosen"),
    [
        ([], (), "VP8"),
        ([BOTH, BOTH], (), "VP8"),
        ([BOTH, H264], (), "H264"),
        ([BOTH, H264], ("VP8",), "H264"),
        ([H264, VP8], (), "VP8"),
        ([H264, VP8], ("H264",), "H264"),
        ([H264, VP8, H264], ("VP8",), "H264"),
        ([frozenset(), H264], (), "H264"),
    ],
)
def test_what_most_can_play_is_sent_and_nothing_is_changed_for_nothing(plays, sent, chosen):
    assert best(plays, sent) == chosen


@given(_PLAYS, st.sampled_from([(), ("VP8",), ("H264",)]))
def test_no_other_codec_would_be_understood_by_more_and_a_change_is_final(plays, sent):
    chosen = best(plays, sent)
    counts = {name: sum(name in one for one in plays) for name in CODECS}
    assert counts[chosen] == max(counts.values())
    assert best(plays, (chosen,)) == chosen


def test_both_sides_are_told_and_nobody_else():
    told = unseen([("li", "wang", "video"), ("li", "wang", "screen"), ("zhao", "wang", "video")])
    assert told == {
        "li": Unseen(tracks=("wang/screen", "wang/video")),
        "zhao": Unseen(tracks=("wang/video",)),
        "wang": Unseen(by=("li", "zhao")),
    }
    assert unseen([]) == {}
    assert Unseen() == NOTHING


# ---------------------------------------------------------------- over real sockets
class Member:
    """Somebody in the room with one connection, whose browser knows these codecs."""

    def __init__(self, client, who, codec=None):
        self.client, self.who, self.codec = client, who, codec
        self.connection = peer()
        self.number = 0

    async def __aenter__(self):
        self.line, _ = await enter(self.client, self.who)
        self.connection.addTrack(AudioStreamTrack())
        self.connection.addTrack(VideoStreamTrack())
        return self

    async def __aexit__(self, *_):
        await self.connection.close()
        await self.line.close()

    async def offer(self, *others):
        """Send, and take what others send."""
        while len(self.connection.getTransceivers()) < 2 + 2 * len(others):
            self.connection.addTransceiver("audio", direction="recvonly")
            self.connection.addTransceiver("video", direction="recvonly")
        for one in self.connection.getTransceivers()[:2]:
            one.direction = "sendonly"
        if self.codec:
            only(self.connection, "video", self.codec)
        await self.connection.setLocalDescription(await self.connection.createOffer())
        mids = [one.mid for one in self.connection.getTransceivers()]
        wanted = [f"{who}/{label}" for who in others for label in ("audio", "video")]
        self.number += 1
        await self.line.send_json(
            {
                "type": "offer", "number": self.number, "sdp": self.connection.localDescription.sdp,
                "sends": {mids[0]: "audio", mids[1]: "video"}, "takes": dict(zip(mids[2:], wanted, strict=True)),
            }
        )  # fmt: skip
        answer = await said(self.line, "answer")
        await self.connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))


async def flows(rooms, viewer, label, seconds=20):
    """Wait until packets of this kind have gone to a viewer."""
    async with asyncio.timeout(seconds):
        while True:
            held = rooms.peer("r", viewer)
            if held and any(lane.slot.label == label and lane.run.packets for lane in held.lanes.values()):
                return
            await asyncio.sleep(0.05)


def sends(rooms, who):
    return {one.codec.name for one in rooms.peer("r", who).sources.values() if one.kind == "video"}


async def test_a_publisher_changes_to_the_codec_that_all_can_play_when_somebody_comes_who_lacks_the_other(exchange):  # noqa: F811
    rooms = exchange.app[ROOMS]
    async with Member(exchange, "wang") as wang, Member(exchange, "li", "h264") as li:
        await wang.offer()
        assert sends(rooms, "wang") == {"VP8"}
        await li.offer("wang")
        assert (await said(wang.line, "reoffer"))["reason"] == "codec"
        await wang.offer("li")
        assert sends(rooms, "wang") == {"H264"}
        assert rooms.room("r").unseen() == {}
        await flows(rooms, "li", "video")
        await flows(rooms, "wang", "video")


async def test_peers_without_a_common_codec_hear_each_other_and_both_are_told(exchange):  # noqa: F811
    rooms = exchange.app[ROOMS]
    async with Member(exchange, "wang", "vp8") as wang, Member(exchange, "li", "h264") as li:
        await wang.offer()
        await li.offer("wang")
        await wang.offer("li")
        for member, other in ((wang, "li"), (li, "wang")):
            told = await said(member.line, "unseen")
            assert (told["tracks"], told["by"]) == ([f"{other}/video"], [other])
            await flows(rooms, member.who, "audio")
        for shown in ("wang", "li"):  # whoever has both sees both
            viewer, _ = await playing(exchange, f"/whep/r?publisher={shown}")
            assert (await frame_of(viewer, "video")).width == 640
            await viewer.close()
        again, _ = await enter(exchange, "li")  # another page of theirs knows nothing of it
        assert (await said(again, "unseen"))["tracks"] == ["wang/video"]
        await wang.line.send_json({"type": "leave"})
        assert (await said(again, "unseen"))["tracks"] == []
        await again.close()
