"""What the exchange is told at its start; nothing here reads the environment."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from signaling.ports import Shelf


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server that browsers are told of (W3C RTCIceServer)."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A node among others, on several machines.

    Attributes:
        redis_url: Where they are written down.
        line_url: `https://host:port` at which the house reaches this one.
        fingerprint: SHA-256 of the certificate there, as hex.
    """

    redis_url: str = field(repr=False)
    line_url: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """Settings of one media node.

    Attributes:
        ticket_key: 32 bytes shared with whoever mints tickets.
        name: The node's, where a site has several.
        udp_host: Address of the one media port.
        udp_port: 0 takes a free one.
        announce: Candidates (address, port) told to browsers; port 0 means the port that was opened.
        journal: File that keeps events until they are acknowledged; None keeps them in memory only.
        seat_hold: How long a seat is kept for someone whose socket was lost.
        room_linger: How long an empty room is kept.
        max_rooms: Rooms of this node.
        max_seats: Seats of a room.
        max_viewers: Viewers of a room by WHEP.
        max_frame_bytes: Largest WebSocket frame.
        start_bitrate_bps: What a publisher may send before anything was measured.
        shelf: Where recordings are kept; None records nothing.
        turn_secret: Shared with the TURN servers; empty hands `ice_servers` out as they are.
        ice_servers: What browsers are told.
        neighbours: How it stands in the register; None is alone, or on one machine with all others.
        compiled: Whether the compiled fan-out is used where there is one.
    """

    ticket_key: bytes = field(repr=False)
    name: str = "media"
    udp_host: str = "127.0.0.1"
    udp_port: int = 40000
    announce: tuple[tuple[str, int], ...] = ()
    journal: Path | None = None
    seat_hold: timedelta = timedelta(seconds=60)
    room_linger: timedelta = timedelta(seconds=60)
    max_rooms: int = 500
    max_seats: int = 210
    max_viewers: int = 250
    max_frame_bytes: int = 128 * 1024
    start_bitrate_bps: int = 1_500_000
    shelf: Shelf | None = None
    turn_secret: bytes = field(default=b"", repr=False)
    ice_servers: tuple[IceServer, ...] = field(default=())
    neighbours: Neighbours | None = None
    compiled: bool = True
