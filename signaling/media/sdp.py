"""Pure: reads offers; `answers` writes what is said to them.

Bounded; every lie is an `OfferRefused`, never an exception of another kind. Only what a relay needs: sections, codecs,
directions, fingerprints.

Source: RFC 8866 (SDP), RFC 9143 (BUNDLE), RFC 8839 (ICE in SDP), RFC 7742 (VP8 and H264 in browsers), RFC 4588 8
(rtx), RFC 8851 and 8853 (rid, simulcast).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from signaling.errors import OfferRefused

_MAX_BYTES = 64 * 1024
_MAX_SECTIONS = 64
_MAX_LINES = 4000
_TOKEN = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){19,63}")
_FINGERPRINTS = frozenset({"sha-256", "sha-384", "sha-512"})
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_WANTED = {"audio": ("opus",), "video": ("VP8", "H264")}
_MAX_LAYERS = 4
_REPEATS = re.compile(r"a=rtcp-fb:(\d{1,3}|\*) nack\s*")
_APT = re.compile(r"apt=(\d{1,3})")
_RID = re.compile(r"a=rid:([A-Za-z0-9_-]{1,32}) send\b.*")
_CLOCK_HZ = {"audio": 48_000, "video": 90_000}
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec of a section.

    Attributes:
        name: `opus`, `VP8` or `H264`, in this spelling.
        pt: Payload type in this session.
        clock_hz: RTP clock.
        fmtp: Its parameters, as the other side wrote them.
        rtx: Payload type of its repeats in a stream of their own, 0 where they have none.
    """

    name: str
    pt: int
    clock_hz: int
    fmtp: str = ""
    rtx: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line of an offer.

    Attributes:
        codecs: Those we can relay, in our order of preference.
        extensions: URI -> id.
        repeats: Whether lost packets can be asked for again: always of video, of voice where the offer says so.
        rids: The layers of one picture that are offered here, as the offer orders them; none of what is not simulcast.
    """

    kind: str
    mid: str
    direction: str
    codecs: tuple[Codec, ...]
    profile: str
    formats: str
    ssrcs: tuple[int, ...] = ()
    extensions: Mapping[str, int] = field(default_factory=dict)
    repeats: bool = False
    rids: tuple[str, ...] = ()

    @property
    def they_send(self) -> bool:
        """Whether the other side wants to send."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def they_take(self) -> bool:
        """Whether the other side wants to receive."""
        return self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class Offer:
    """What the other side proposes."""

    ufrag: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    sections: tuple[Section, ...]


def parse_offer(text: str) -> Offer:
    """Read an offer.

    Raises:
        OfferRefused: Too long, not SDP, or without what a secure session needs.
    """
    if len(text) > _MAX_BYTES:
        raise OfferRefused("the offer is too long")
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[0].startswith("v=0") or len(lines) > _MAX_LINES:
        raise OfferRefused("this is not a session description")
    groups = _split(lines)
    session, media = groups[0], groups[1:]
    if not media:
        raise OfferRefused("the offer has no media section")
    first = {**_attributes(media[0]), **_attributes(session)}
    prints = _fingerprints(session + [line for group in media for line in group])
    if "ice-ufrag" not in first or not _TOKEN.fullmatch(first["ice-ufrag"].replace("/", "_")):
        raise OfferRefused("the offer has no ICE user name fragment")
    sections = tuple(_section(group, _attributes(session)) for group in media)
    mids = [section.mid for section in sections]
    if len(set(mids)) != len(mids):
        raise OfferRefused("two sections share one mid")
    return Offer(first["ice-ufrag"], prints, first.get("setup", "actpass"), sections)


def kinds_of(text: str) -> dict[str, str]:
    """The mids of the first audio and the first video section of an offer, by kind.

    Raises:
        OfferRefused: Not an offer.
    """
    found: dict[str, str] = {}
    for section in parse_offer(text).sections:
        if section.kind in ("audio", "video"):
            found.setdefault(section.kind, section.mid)
    return found


def _split(lines: Sequence[str]) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            groups.append([])
        groups[-1].append(line)
    if len(groups) > _MAX_SECTIONS + 1:
        raise OfferRefused("the offer has too many sections")
    return groups


def _attributes(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            found.setdefault(name, value.strip())
    return found


def _fingerprints(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = set()
    for line in lines:
        if line.startswith("a=fingerprint:"):
            name, _, value = line[14:].strip().partition(" ")
            if name.lower() in _FINGERPRINTS:
                if not _HEX_PAIRS.fullmatch(value.strip()):
                    raise OfferRefused("a fingerprint cannot be read")
                found.add((name.lower(), value.strip().upper()))
    if not found:
        raise OfferRefused("the offer has no fingerprint: only DTLS-SRTP is spoken here")
    if len(found) > 8:
        raise OfferRefused("the offer has too many fingerprints")
    return tuple(sorted(found))


def _section(lines: list[str], session: Mapping[str, str]) -> Section:
    words = lines[0][2:].split()
    if len(words) < 4 or not words[1].isdigit():
        raise OfferRefused("a media line cannot be read")
    kind, profile, formats = words[0], words[2], words[3:]
    if not _TOKEN.fullmatch(kind) or not re.fullmatch(r"[A-Z/]{1,32}", profile) or len(formats) > 128:
        raise OfferRefused("a media line cannot be read")
    if not all(_TOKEN.fullmatch(word) for word in formats):
        raise OfferRefused("a media line cannot be read")
    said = _attributes(lines)
    mid = said.get("mid", "")
    if not _TOKEN.fullmatch(mid):
        raise OfferRefused("a section has no mid")
    stopped = words[1] == "0" and "bundle-only" not in said
    direction = next((word for word in _DIRECTIONS if word in said), None)
    direction = direction or next((word for word in _DIRECTIONS if word in session), "sendrecv")
    return Section(
        kind=kind,
        mid=mid,
        direction=direction,
        codecs=() if stopped else _codecs(kind, formats, lines),
        profile=profile,
        formats=" ".join(formats[:1]),
        ssrcs=_ssrcs(lines),
        extensions=_extensions(lines),
        repeats=kind == "video" or any(_REPEATS.fullmatch(line) for line in lines),
        rids=_rids(lines, said.get("simulcast", "")) if kind == "video" else (),
    )


def _codecs(kind: str, formats: Sequence[str], lines: Sequence[str]) -> tuple[Codec, ...]:
    wanted = _WANTED.get(kind, ())
    names: dict[int, tuple[str, int]] = {}
    parameters: dict[int, str] = {}
    for line in lines:
        if found := re.fullmatch(r"a=rtpmap:(\d{1,3}) ([A-Za-z0-9_.-]{1,32})/(\d{1,6})(?:/\d)?\s*", line):
            names[int(found[1])] = (found[2], int(found[3]))
        elif found := re.fullmatch(r"a=fmtp:(\d{1,3}) ([\x20-\x7e]{1,500})", line):
            parameters[int(found[1])] = found[2].strip()
    given = [int(word) for word in formats if word.isdigit() and len(word) <= 3 and int(word) < 128]
    apart = {
        int(found[1]): pt
        for pt in given
        if names.get(pt, ("", 0))[0].lower() == "rtx" and (found := _APT.match(parameters.get(pt, "")))
    }
    known: list[Codec] = []
    for pt in given:
        name, clock_hz = names.get(pt, ("", 0))
        spelt = next((want for want in wanted if want.lower() == name.lower()), None)
        if spelt and clock_hz == _CLOCK_HZ[kind] and _usable(spelt, parameters.get(pt, "")):
            known.append(Codec(spelt, pt, clock_hz, parameters.get(pt, ""), apart.get(pt, 0)))
    return tuple(sorted(known, key=lambda codec: wanted.index(codec.name)))


def _usable(name: str, fmtp: str) -> bool:
    # Browsers must share one H264: constrained baseline, fragmentation units (RFC 7742 6.2).
    if name != "H264":
        return True
    said = dict(part.strip().partition("=")[::2] for part in fmtp.lower().split(";"))
    return said.get("packetization-mode") == "1" and said.get("profile-level-id", "42e0").startswith(("42e0", "4200"))


def _ssrcs(lines: Sequence[str]) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for line in lines:
        if match := re.match(r"a=ssrc:(\d{1,10}) ", line):
            found[int(match[1]) & 0xFFFFFFFF] = None
    return tuple(found)[:16]


def _rids(lines: Sequence[str], simulcast: str) -> tuple[str, ...]:
    """Of `send q;~h;f,g` the layers q, h, f: of alternatives the first, also what is paused now."""
    way, _, listed = simulcast.partition("send")
    if way.strip() and not way.strip().startswith("recv"):
        return ()
    named = {found[1] for line in lines if (found := _RID.match(line))}
    words = (word.split(",")[0].strip().lstrip("~") for word in (listed.split() or [""])[0].split(";"))
    rids = tuple(dict.fromkeys(word for word in words if word in named))
    return rids[:_MAX_LAYERS] if len(rids) > 1 else ()


def _extensions(lines: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        if match := re.match(r"a=extmap:(\d{1,2})(?:/[a-z]+)? (\S{1,200})", line):
            found[match[2]] = int(match[1])
    return found
