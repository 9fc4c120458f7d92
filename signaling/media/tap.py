"""The only file that touches aiortc's and pylibsrtp's private names: DTLS handshakes and the SRTP sessions they yield.

A `Tap` gives the packet path two raw libsrtp sessions that work in place on fixed buffers. aiortc is pinned
(`>=1.16,<1.17`) and `tests/architecture` asserts that every private name used here exists.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pylibsrtp
from aiortc import RTCIceTransport
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from pylibsrtp import Error as SrtpError

from signaling.media.mux import SLOT_BYTES, Ring

_srtp_ffi: Any = vars(pylibsrtp)["ffi"]  # not exported by name, and there is no other way to work in place
_srtp: Any = vars(pylibsrtp)["lib"]

_MAX_WAITING = 64
"""DTLS datagrams that may wait for the handshake; more is a flood."""


class Certificate:
    """This node's self-signed certificate; its fingerprint stands in every answer."""

    def __init__(self) -> None:
        self.made = RTCCertificate.generateCertificate()

    @property
    def fingerprint(self) -> tuple[str, str]:
        """Algorithm and value, as SDP wants them."""
        for one in self.made.getFingerprints():
            if one.algorithm == "sha-256":
                return one.algorithm, one.value
        raise AssertionError("aiortc gives no SHA-256 fingerprint")


class _Wire:
    """What RTCDtlsTransport needs of an ICE transport: a queue in, a function out."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self.waiting: asyncio.Queue[bytes | None] = asyncio.Queue(_MAX_WAITING)

    async def _recv(self) -> bytes:
        data = await self.waiting.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self._out(data)


class Tap:
    """DTLS with one peer, and afterwards its keys.

    You must call `start` next, as a task; until it returns True there are no keys and packets are dropped.

    Args:
        certificate: Ours.
        send: Sends a datagram to the peer.
        gone: Called when the other side says goodbye after the handshake.
    """

    def __init__(self, certificate: Certificate, send: Callable[[bytes], None], gone: Callable[[], None]) -> None:
        self._wire = _Wire(send)
        self._gone = gone
        self._stopped = False
        self._dtls = RTCDtlsTransport(cast(RTCIceTransport, self._wire), [certificate.made])
        self._dtls.on("statechange", self._changed)
        self.rx: Any = None
        self.tx: Any = None

    async def start(self, fingerprints: Sequence[tuple[str, str]], *, as_client: bool = False) -> bool:
        """Shake hands; returns whether keys were agreed with a certificate of these fingerprints."""
        self._dtls._set_role("client" if as_client else "server")
        expected = [RTCDtlsFingerprint(algorithm=name, value=value) for name, value in fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints=expected))
        if self._dtls.state != "connected":
            return False
        self.rx = self._dtls._rx_srtp._srtp[0]
        self.tx = self._dtls._tx_srtp._srtp[0]
        return True

    def feed(self, datagram: bytes) -> None:
        """Hand over a DTLS datagram."""
        if not self._wire.waiting.full():
            self._wire.waiting.put_nowait(datagram)

    def protect(self, packet: bytes) -> bytes | None:
        """Encrypt one RTP packet outside of the fixed buffers (repeats); None before there are keys."""
        if self.tx is None:
            return None
        try:
            return self._dtls._tx_srtp.protect(packet)
        except (SrtpError, ValueError):
            return None

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Encrypt RTCP; None before there are keys."""
        if self.tx is None:
            return None
        try:
            return self._dtls._tx_srtp.protect_rtcp(packet)
        except (SrtpError, ValueError):
            return None

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Decrypt RTCP; None where the packet is forged, old or broken."""
        if self.rx is None:
            return None
        try:
            return self._dtls._rx_srtp.unprotect_rtcp(packet)
        except (SrtpError, ValueError):
            return None

    def _changed(self) -> None:
        if self._dtls.state == "closed" and self.rx is not None and not self._stopped:
            self._gone()

    async def stop(self) -> None:
        """Say goodbye and let the handshake's task end."""
        self._stopped = True
        self._dtls.remove_all_listeners()
        await self._dtls.stop()
        while not self._wire.waiting.empty():
            self._wire.waiting.get_nowait()
        self._wire.waiting.put_nowait(None)


KEY_BYTES = 28
"""AES-128-GCM: 16 of key, 12 of salt (RFC 7714 12)."""


class Keyed:
    """Like a `Tap`, with keys that were agreed on another line: nobody shakes hands.

    Args:
        sends: Key and salt of what we send.
        takes: Of what comes.
    """

    def __init__(self, sends: bytes, takes: bytes) -> None:
        self._out = _session(sends, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._in = _session(takes, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.rx: Any = vars(self._in)["_srtp"][0]
        self.tx: Any = vars(self._out)["_srtp"][0]

    async def start(self, fingerprints: Sequence[tuple[str, str]], *, as_client: bool = False) -> bool:
        """There is nothing to agree on."""
        return True

    def feed(self, datagram: bytes) -> None:
        """Nobody shakes hands."""

    def protect(self, packet: bytes) -> bytes | None:
        """Encrypt one RTP packet outside of the fixed buffers."""
        return _tried(self._out.protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Encrypt RTCP."""
        return _tried(self._out.protect_rtcp, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Decrypt RTCP; None where the packet is forged, old or broken."""
        return _tried(self._in.unprotect_rtcp, packet)

    async def stop(self) -> None:
        """Nothing runs."""


def _session(key: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key, direction, srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx, policy.window_size = True, 1024
    return pylibsrtp.Session(policy)


def _tried(work: Callable[[bytes], bytes], packet: bytes) -> bytes | None:
    try:
        return work(packet)
    except (SrtpError, ValueError):
        return None


def pointers(ring: Ring, slots: int) -> list[Any]:
    """The slots' addresses in the form that `protect_in_place` takes."""
    return [_srtp_ffi.cast("char *", ring.base + slot * SLOT_BYTES) for slot in range(slots)]


length_box = _srtp_ffi.new("int *")
"""In: bytes of the packet. Out: bytes after the call. One is enough: the packet path runs in one thread."""

protect_in_place = _srtp.srtp_protect
"""`(session, pointer, length_box) -> 0` on success; grows the packet by its tag."""


def unprotect_address() -> int:
    """Where `srtp_unprotect` lies."""
    return address(_srtp_ffi.addressof(_srtp, "srtp_unprotect"))


def protect_address() -> int:
    """Where `srtp_protect` lies, for who calls it from C."""
    return address(_srtp_ffi.addressof(_srtp, "srtp_protect"))


def address(pointer: Any) -> int:
    """A pointer of libsrtp's as a number."""
    return int(_srtp_ffi.cast("uintptr_t", pointer))


unprotect_in_place = _srtp.srtp_unprotect
"""`(session, pointer, length_box) -> 0` on success."""
