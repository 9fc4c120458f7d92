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
