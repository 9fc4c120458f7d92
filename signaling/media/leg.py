"""The way of one publisher's tracks from one node to another: sent once, whoever watches there.

To the packet path it is a connection like any other: on the one node it takes, as a viewer does; on the other it
publishes. Its keys were agreed on the house's line, so there is no handshake; its packets are told from others'
between the same two ports by their SSRC. What flows back (key-frame wishes, lost packets, reports) is the usual RTCP.

Source: RFC 3711, RFC 7714 (AES-GCM); the idea is mediasoup's PipeTransport and Jitsi's Octo.
"""

import secrets
import struct
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import Any

from signaling.errors import OfferRefused
from signaling.media import feedback
from signaling.media.peer import Calls, Peer, Reach
from signaling.media.plane import Plane
from signaling.media.sdp import Codec, Section
from signaling.media.tap import KEY_BYTES, Keyed
from signaling.media.tracks import Slot

_SILENT_S = 5.0
"""Both ends speak once a second."""
_CODECS = {
    "audio": (Codec("opus", 111, 48_000),),
    "video": (Codec("VP8", 96, 90_000), Codec("H264", 97, 90_000)),
}
KINDS = frozenset(_CODECS)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the two ends of a leg agree on; the giving one writes it, the taking one is told.

    Attributes:
        giver: Address and port of the node that sends.
        gives_key: Of what it sends.
        takes_key: Of what comes back to it.
        giver_ssrc: Under which its RTCP comes.
        taker_ssrc: Under which RTCP comes back.
        tracks: Kind -> SSRC.
    """

    giver: tuple[str, int]
    gives_key: bytes
    takes_key: bytes
    giver_ssrc: int
    taker_ssrc: int
    tracks: Mapping[str, int]

    def told(self) -> dict[str, Any]:
        """As plain JSON."""
        keys = {name: b64encode(getattr(self, name)).decode() for name in ("gives_key", "takes_key")}
        return {**asdict(self), **keys, "tracks": dict(self.tracks)}

    @classmethod
    def read(cls, told: Any) -> "Terms":
        """Read them.

        Raises:
            OfferRefused: They are none.
        """
        try:
            keys = [b64decode(told[name], validate=True) for name in ("gives_key", "takes_key")]
            numbers = [int(told[name]) for name in ("giver_ssrc", "taker_ssrc")]
            tracks = {str(kind): int(ssrc) for kind, ssrc in told["tracks"].items()}
            giver = address_of(told["giver"])
        except (KeyError, TypeError, ValueError, AttributeError, Base64Error):
            raise OfferRefused("these are no terms of a leg") from None
        if any(len(key) != KEY_BYTES for key in keys) or not tracks or not tracks.keys() <= KINDS:
            raise OfferRefused("these are no terms of a leg")
        if not all(0 < ssrc < 1 << 32 for ssrc in (*numbers, *tracks.values())):
            raise OfferRefused("these are no terms of a leg")
        return cls(giver, keys[0], keys[1], numbers[0], numbers[1], tracks)


def address_of(told: Any) -> tuple[str, int]:
    """Read an address of a node's port. Raises ValueError."""
    host, port = told
    if not 0 < int(port) < 1 << 16:
        raise ValueError("not a port")
    return str(ip_address(str(host))), int(port)


class Leg(Peer):
    """One end of a leg; `given` and `taken` make one, then `connect` lets it flow.

    Args:
        plane: The packet plane it lives on.
        reach: Of this node.
        calls: Whom it calls when the other end has gone.
        far: The other node's media port.
        keys: Of both directions.
        ssrc: Under which its own RTCP goes.
    """

    def __init__(self, plane: Plane, reach: Reach, calls: Calls, far: tuple[str, int], keys: Keyed, ssrc: int) -> None:
        super().__init__(plane, reach, calls, keys=keys)
        self._streams: list[tuple[bytes, bytes]] = []
        self._ssrc = struct.pack("!I", ssrc)
        self._gone = calls.gone
        self.name = plane.mux.name_of(far)
        self.plays = frozenset(codec.name for codec in _CODECS["video"])

    # ------------------------------------------------------------ both ends
    @classmethod
    def given(
        cls, plane: Plane, reach: Reach, calls: Calls, far: tuple[str, int], slots: Mapping[str, Slot]
    ) -> tuple["Leg", Terms]:
        """The end that sends what fills some slots, by their kind; and what to tell the other."""
        keys = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
        own, theirs = secrets.randbits(32) or 1, secrets.randbits(32) or 1
        leg = cls(plane, reach, calls, far, Keyed(*keys), own)
        leg._listen(theirs)
        tracks = {kind: leg._bundle.lane(_section(kind), slot).ssrc for kind, slot in slots.items()}
        near = next((one for one in reach.candidates if _is_literal(one[0])), plane.mux.address)
        return leg, Terms(near, *keys, own, theirs, tracks)

    @classmethod
    def taken(cls, plane: Plane, reach: Reach, calls: Calls, terms: Terms, slots: Mapping[str, Slot]) -> "Leg":
        """The end that fills slots of this node, by their kind, with what the other sends."""
        leg = cls(plane, reach, calls, terms.giver, Keyed(terms.takes_key, terms.gives_key), terms.taker_ssrc)
        leg._listen(terms.giver_ssrc)
        for kind, ssrc in terms.tracks.items():
            leg._listen(ssrc)
            leg._bundle.fill(_section(kind, ssrc), _CODECS[kind], slots[kind])
        return leg

    def _listen(self, ssrc: int) -> None:
        assert self.name is not None  # noqa: S101 - set when it was made
        key = self.name, struct.pack("!I", ssrc)
        if key in self._plane.by_stream:
            raise OfferRefused("there is a leg of this number")
        self._streams.append(key)
        self._plane.by_stream[key] = self

    # ------------------------------------------------------------ as a connection
    def silent(self, now_s: float) -> bool:
        """Whether the other node has stopped speaking: it has ended, or its network has."""
        return now_s - self.last_check_s > _SILENT_S

    def send_rtcp(self, clear: bytes) -> None:
        """Encrypt and send RTCP, under a number by which the other node knows whose it is."""
        if clear[1] != feedback.SR:  # that has a track's
            clear = clear[:4] + self._ssrc + clear[8:]
        super().send_rtcp(clear)

    def unprotect_rtcp(self, secret: bytes) -> bytes | None:
        """Decrypt RTCP: whoever has the key lives, or says goodbye."""
        clear = super().unprotect_rtcp(secret)
        if clear is None:
            return None
        self.last_check_s = self.now_s()
        if clear[1] == feedback.BYE:
            self._gone(self)
        return clear

    def report(self, now_s: float, cap_bps: int, late_s: float = 0.0) -> None:
        """Once a second; the other end hears of us even when there is nothing to report."""
        super().report(now_s, cap_bps, late_s)
        self.send_rtcp(feedback.receiver_report([]))

    def mute(self) -> None:
        """Not one packet more; the other end is told."""
        if not self.closed:
            self.send_rtcp(struct.pack("!BBHI", 0x81, feedback.BYE, 1, 0))
        for key in self._streams:
            self._plane.by_stream.pop(key, None)
        self._streams.clear()
        super().mute()


def _section(kind: str, *ssrcs: int) -> Section:
    return Section(kind, kind, "sendrecv", _CODECS[kind], "", "", ssrcs, repeats=True)


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
