"""Offers are read or refused; nothing else can happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import OfferRefused
from signaling.media import answers, sdp
from signaling.media.ice import IceCredentials

PRINT = ":".join(["AB"] * 32)
HEAD = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    f"a=fingerprint:sha-256 {PRINT}\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\n"
)


def section(kind="video", mid="0", formats="96 97", lines=(), direction="sendonly"):
    maps = "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n" if kind == "video" else "a=rtpmap:96 opus/48000/2\r\n"
    extra = "".join(line + "\r\n" for line in lines)
    return (
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\n{maps}{extra}"
    )


def test_codecs_are_ours_in_our_order():
    lines = ("a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f")
    offer = sdp.parse_offer(HEAD + section(formats="102 97 96", lines=lines))
    assert [codec.name for codec in offer.sections[0].codecs] == ["VP8", "H264"]


@pytest.mark.parametrize(
    "fmtp", ["packetization-mode=0;profile-level-id=42e01f", "packetization-mode=1;profile-level-id=640c1f"]
)
def test_an_h264_that_not_every_browser_plays_is_not_taken(fmtp):
    lines = ("a=rtpmap:102 H264/90000", f"a=fmtp:102 {fmtp}")
    offer = sdp.parse_offer(HEAD + section(formats="102", lines=lines))
    assert offer.sections[0].codecs == ()


def test_repeats_of_a_codec_are_those_that_name_it():
    lines = (
        "a=fmtp:97 apt=96", "a=rtpmap:102 H264/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102", "a=rtpmap:104 rtx/90000", "a=fmtp:104 apt=999",
    )  # fmt: skip
    offer = sdp.parse_offer(HEAD + section(formats="102 97 96 103 104", lines=lines))
    assert [(codec.pt, codec.rtx) for codec in offer.sections[0].codecs] == [(96, 97), (102, 103)]
    bare = sdp.parse_offer(HEAD + section(lines=("a=rtpmap:97 rtx/90000",)))
    assert [codec.rtx for codec in bare.sections[0].codecs] == [0]


def answered(offer, **more):
    replies = {"0": answers.Reply(offer.sections[0].codecs, **more)}
    return answers.write_answer(offer, replies, IceCredentials("u", "p"), ("sha-256", PRINT), [("127.0.0.1", 4000)])


def test_the_answer_offers_repeats_in_a_stream_of_their_own_to_who_knows_them():
    sending = answers.Sending(11, "doctor", "video", 12)
    knows = sdp.parse_offer(HEAD + section(lines=("a=fmtp:97 apt=96",), direction="recvonly"))
    answer = answered(knows, sending=sending)
    assert "m=video 4000 UDP/TLS/RTP/SAVPF 96 97\r\n" in answer
    assert "a=fmtp:97 apt=96\r\n" in answer
    assert "a=ssrc-group:FID 11 12\r\na=ssrc:11 cname:doctor\r\na=ssrc:12 cname:doctor\r\n" in answer
    plain = answered(sdp.parse_offer(HEAD + section(formats="96", direction="recvonly")), sending=sending)
    assert "SAVPF 96\r\n" in plain
    assert "FID" not in plain
    assert "rtx" not in plain


LAYERS = ("a=rid:q send", "a=rid:h send", "a=rid:f send")


@pytest.mark.parametrize(
    ("lines", "rids"),
    [
        ((*LAYERS, "a=simulcast:send q;h;f"), ("q", "h", "f")),
        ((*LAYERS, "a=simulcast: send q;~h,f"), ("q", "h")),
        ((*LAYERS, "a=simulcast:recv x send f;q recv y"), ("f", "q")),
        ((*LAYERS, "a=simulcast:send q;q;unnamed"), ()),
        ((*LAYERS, "a=simulcast:recv q;h"), ()),
        ((*LAYERS, "a=simulcast:nonsense"), ()),
        (LAYERS, ()),
        ((*(f"a=rid:{n} send" for n in range(9)), "a=simulcast:send 0;1;2;3;4;5;6;7;8"), ("0", "1", "2", "3")),
    ],
)
def test_the_layers_of_a_picture_are_read_and_bounded(lines, rids):
    assert sdp.parse_offer(HEAD + section(lines=lines)).sections[0].rids == rids


def test_layers_are_answered_by_name_with_the_extensions_that_tell_them_apart():
    extensions = (f"a=extmap:4 {sdp.MID}", f"a=extmap:5 {sdp.RID}", f"a=extmap:6 {sdp.REPAIRED_RID}")
    offer = sdp.parse_offer(HEAD + section(lines=(*LAYERS, "a=simulcast:send q;h;f", *extensions)))
    answer = answered(offer, receive=True)
    assert "a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n" in answer
    assert all(line + "\r\n" in answer for line in extensions)


def test_a_section_without_a_common_codec_is_rejected_and_the_rest_goes_on():
    offer = sdp.parse_offer(
        HEAD + section(mid="a") + section(kind="application", mid="b", formats="webrtc-datachannel")
    )
    replies = {"a": answers.Reply(offer.sections[0].codecs[:1], receive=True)}
    answer = answers.write_answer(offer, replies, IceCredentials("u", "p"), ("sha-256", PRINT), [("127.0.0.1", 4000)])
    assert "m=application 0 UDP/TLS/RTP/SAVPF webrtc-datachannel" in answer
    assert "a=group:BUNDLE a\r\n" in answer
    assert "a=candidate:1 1 udp 2130706430 127.0.0.1 4000 typ host" in answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "v=0\r\n" + section(),
        HEAD,
        HEAD + section(mid="0") + section(mid="0"),
        HEAD + "m=video\r\n",
        HEAD + "m=video x UDP 96\r\na=mid:0\r\n",
        HEAD + section(mid="no spaces"),
        HEAD.replace(PRINT, "ZZ") + section(),
        HEAD + "".join(section(mid=str(n)) for n in range(65)),
        "v=0\r\n" + "a=x\r\n" * 50_000,
    ],
)
def test_what_is_not_an_offer_is_refused(text):
    with pytest.raises(OfferRefused):
        sdp.parse_offer(text)


@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text):
    for whole in (text, HEAD + text, HEAD + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" + text):
        try:
            sdp.parse_offer(whole)
        except OfferRefused:
            continue


@given(st.data())
def test_a_mangled_offer_is_read_or_refused(data):
    whole = list(HEAD + section() + section(kind="audio", mid="1", formats="96"))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.characters(max_codepoint=0x2FF))
    try:
        offer = sdp.parse_offer("".join(whole))
    except OfferRefused:
        return
    answer = answers.write_answer(offer, {}, IceCredentials("u", "p"), ("sha-256", PRINT), [("127.0.0.1", 1)])
    assert answer.count("m=") >= len(offer.sections)
