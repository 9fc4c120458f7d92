"""Pure: writes answers to offers.

Source: RFC 8829 (JSEP), RFC 9143 (BUNDLE), RFC 8839 (ICE in SDP), RFC 7587 7 (opus), RFC 4588 8 (rtx), RFC 8853
(simulcast).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signaling.media.ice import IceCredentials
from signaling.media.sdp import AUDIO_LEVEL, MID, REPAIRED_RID, RID, Codec, Offer, Section

_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
_HEARD_EXTENSIONS = {"audio": (AUDIO_LEVEL, MID), "video": (MID, RID, REPAIRED_RID)}


@dataclass(frozen=True, slots=True)
class Sending:
    """A stream that we will send in a section.

    Attributes:
        repeats: SSRC of its repeats, where they go in a stream of their own.
    """

    ssrc: int
    stream: str
    label: str
    repeats: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Our decision about one section.

    Attributes:
        codecs: What we accept; empty rejects the section.
        receive: Whether we take what they send.
        sending: What we send there, or None.
    """

    codecs: tuple[Codec, ...] = ()
    receive: bool = False
    sending: Sending | None = None


def write_answer(
    offer: Offer,
    replies: Mapping[str, Reply],
    ice: IceCredentials,
    fingerprint: tuple[str, str],
    candidates: Sequence[tuple[str, int]],
) -> str:
    """Answer an offer.

    Args:
        offer: As parsed.
        replies: mid -> our decision; sections without one are rejected.
        ice: Our credentials for this session.
        fingerprint: Algorithm and value of our certificate.
        candidates: Addresses and ports at which we are reached.
    """
    accepted = [section.mid for section in offer.sections if replies.get(section.mid, Reply()).codecs]
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite", "a=msid-semantic:WMS *"]
    if accepted:
        lines.append("a=group:BUNDLE " + " ".join(accepted))
    for section in offer.sections:
        reply = replies.get(section.mid, Reply())
        if not reply.codecs:
            lines += _rejected(section)
            continue
        lines += _accepted(section, reply, candidates)
        lines += [
            f"a=ice-ufrag:{ice.ufrag}",
            f"a=ice-pwd:{ice.password}",
            f"a=fingerprint:{fingerprint[0]} {fingerprint[1]}",
            "a=setup:" + ("active" if offer.setup == "passive" else "passive"),
        ]
        lines += [
            f"a=candidate:{number} 1 udp {2130706431 - number} {host} {port} typ host"
            for number, (host, port) in enumerate(candidates, 1)
        ]
        lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"


def _rejected(section: Section) -> list[str]:
    head = f"m={section.kind} 0 {section.profile} {section.formats}"
    return [head, "c=IN IP4 0.0.0.0", "a=inactive", f"a=mid:{section.mid}"]


def _accepted(section: Section, reply: Reply, candidates: Sequence[tuple[str, int]]) -> list[str]:
    host, port = candidates[0]
    family = "IP6" if ":" in host else "IP4"
    types = " ".join(str(pt) for codec in reply.codecs for pt in (codec.pt, codec.rtx) if pt)
    lines = [f"m={section.kind} {port} {section.profile} {types}", f"c=IN {family} {host}", f"a=mid:{section.mid}"]
    lines += ["a=rtcp-mux", "a=rtcp-rsize"]
    lines.append("a=" + _direction(reply))
    for codec in reply.codecs:
        channels = "/2" if codec.name == "opus" else ""
        lines.append(f"a=rtpmap:{codec.pt} {codec.name}/{codec.clock_hz}{channels}")
        if codec.name == "opus":
            lines.append(f"a=fmtp:{codec.pt} minptime=10;useinbandfec=1;usedtx=1")
        elif codec.fmtp:
            lines.append(f"a=fmtp:{codec.pt} {codec.fmtp}")
        words = _FEEDBACK if section.kind == "video" else ("nack",) if section.repeats else ()
        lines += [f"a=rtcp-fb:{codec.pt} {word}" for word in words]
        if codec.rtx:
            lines += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_hz}", f"a=fmtp:{codec.rtx} apt={codec.pt}"]
    if reply.receive:
        heard = (word for word in _HEARD_EXTENSIONS.get(section.kind, ()) if word in section.extensions)
        lines += [f"a=extmap:{section.extensions[word]} {word}" for word in heard]
    if section.rids:  # also while nothing is sent there: layers once refused would stay so
        lines += [f"a=rid:{rid} recv" for rid in section.rids]
        lines.append("a=simulcast:recv " + ";".join(section.rids))
    return lines + (_sent(reply.sending, apart=any(codec.rtx for codec in reply.codecs)) if reply.sending else [])


def _sent(sending: Sending, *, apart: bool) -> list[str]:
    numbers = (sending.ssrc, sending.repeats) if apart else (sending.ssrc,)
    lines = [f"a=msid:{sending.stream} {sending.label}"]
    lines += [f"a=ssrc-group:FID {sending.ssrc} {sending.repeats}"] if apart else []
    return lines + [f"a=ssrc:{number} cname:{sending.stream}" for number in numbers]


def _direction(reply: Reply) -> str:
    if reply.receive and reply.sending:
        return "sendrecv"
    if reply.receive:
        return "recvonly"
    return "sendonly" if reply.sending else "inactive"
