"""A light WebRTC peer: one UDP socket, its own ICE checks and SDP, aiortc's DTLS, libsrtp. No codec, no jitter buffer.

One core of these loads a relay that uses one core: set up with asyncio, afterwards read and written by a thread.
"""

import asyncio
import contextlib
import random
import re
import secrets
import socket
from dataclasses import dataclass, field

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

OPUS, VP8 = 111, 96
_CERTIFICATE = RTCCertificate.generateCertificate()


@dataclass
class Wire:
    """The ICE transport that aiortc's DTLS asks for."""

    peer: "LightPeer"
    role: str = "controlling"
    state: str = "completed"
    came: asyncio.Queue = field(default_factory=asyncio.Queue)

    async def _recv(self) -> bytes:
        return await self.came.get()

    async def _send(self, data: bytes) -> None:
        self.peer.send(data)


class LightPeer:
    """Speaks to one relay.

    Args:
        host: Our address.
    """

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.ssrcs = {"audio": random.getrandbits(32), "video": random.getrandbits(32)}
        self.pts = {"audio": OPUS, "video": VP8}
        self.remote: tuple[str, int] | None = None
        self._controlling = True
        self._checked = asyncio.Event()
        self._wire = Wire(self)
        self._dtls = RTCDtlsTransport(self._wire, [_CERTIFICATE])

    # ------------------------------------------------------------ words
    def offer(self, direction: str) -> str:
        """An offer of one audio and one video section."""
        sections = [
            self._section("audio", "0", direction, "actpass"),
            self._section("video", "1", direction, "actpass"),
        ]
        return self._session("0 1") + "".join(sections)

    def reply_to(self, offer: str) -> str:
        """An answer that takes everything in an offer of opus and VP8."""
        self._read(offer)
        self._controlling = False
        lines, mids = [], []
        for part in re.split(r"(?=^m=)", offer, flags=re.MULTILINE)[1:]:
            kind, mid = part[2:7], re.search(r"a=mid:(\S+)", part)[1]
            name = "opus" if kind == "audio" else "VP8"
            self.pts[kind] = int(re.search(rf"a=rtpmap:(\d+) {name}/", part, re.IGNORECASE)[1])
            mids.append(mid)
            lines.append(self._section(kind, mid, "recvonly", "active"))
        return self._session(" ".join(mids)) + "".join(lines)

    def _session(self, mids: str) -> str:
        mark = next(one for one in _CERTIFICATE.getFingerprints() if one.algorithm == "sha-256")
        return (
            f"v=0\r\no=- {random.getrandbits(40)} 1 IN IP4 {self.host}\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n"
            f"a=fingerprint:{mark.algorithm} {mark.value}\r\n"
        )

    def _section(self, kind: str, mid: str, direction: str, setup: str) -> str:
        pt = self.pts[kind]
        codec = "opus/48000/2" if kind == "audio" else "VP8/90000"
        text = (
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {pt}\r\nc=IN IP4 {self.host}\r\na=mid:{mid}\r\na={direction}\r\n"
            f"a=rtcp-mux\r\na=setup:{setup}\r\na=ice-ufrag:{self.ufrag}\r\na=ice-pwd:{self.password}\r\n"
            f"a=rtpmap:{pt} {codec}\r\n"
        )
        if kind == "video":
            text += f"a=rtcp-fb:{pt} nack\r\na=rtcp-fb:{pt} nack pli\r\na=rtcp-fb:{pt} goog-remb\r\n"
        if direction == "sendonly":
            text += f"a=msid:bench {kind}\r\na=ssrc:{self.ssrcs[kind]} cname:bench\r\n"
        return text + f"a=candidate:1 1 udp 2130706431 {self.host} {self.port} typ host\r\na=end-of-candidates\r\n"

    def _read(self, sdp: str) -> None:
        self._remote_ufrag = re.search(r"a=ice-ufrag:(\S+)", sdp)[1]
        self._remote_password = re.search(r"a=ice-pwd:(\S+)", sdp)[1]
        name, value = re.search(r"a=fingerprint:(\S+) (\S+)", sdp).groups()
        self._fingerprint = RTCDtlsFingerprint(algorithm=name.lower(), value=value)
        self._candidates = [
            (found[0], int(found[1]))
            for found in re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp, re.IGNORECASE)
        ]
        self._active = "a=setup:passive" in sdp or "a=setup:actpass" in sdp

    # ------------------------------------------------------------ connecting
    async def connect(self, sdp: str | None = None, seconds: float = 20) -> None:
        """Check, shake hands; afterwards `protect` and `unprotect` work and nobody reads the socket any more."""
        if sdp is not None:
            self._read(sdp)
        loop = asyncio.get_running_loop()
        loop.add_reader(self.socket, self._readable)
        try:
            async with asyncio.timeout(seconds):
                while not self._checked.is_set():
                    for candidate in self._candidates[:2]:
                        self._send_to(self.check(), candidate)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._checked.wait(), 0.1)
                self._dtls._set_role("client" if self._active else "server")
                await self._dtls.start(RTCDtlsParameters(fingerprints=[self._fingerprint]))
        finally:
            loop.remove_reader(self.socket)
        if self._dtls.state != "connected":
            raise ConnectionError(f"DTLS is {self._dtls.state}")
        self.protect, self.protect_rtcp = self._dtls._tx_srtp.protect, self._dtls._tx_srtp.protect_rtcp
        self.unprotect, self.unprotect_rtcp = self._dtls._rx_srtp.unprotect, self._dtls._rx_srtp.unprotect_rtcp

    async def close(self) -> None:
        """Say goodbye."""
        await self._dtls.stop()
        self.socket.close()

    def check(self) -> bytes:
        """A binding request, nominating where we offered; also keeps consent fresh."""
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        message.attributes["USERNAME"] = f"{self._remote_ufrag}:{self.ufrag}"
        message.attributes["PRIORITY"] = 1 << 24
        if self._controlling:
            message.attributes["ICE-CONTROLLING"] = 1
            message.attributes["USE-CANDIDATE"] = None
        else:
            message.attributes["ICE-CONTROLLED"] = 1
        message.add_message_integrity(self._remote_password.encode())
        message.add_fingerprint()
        return bytes(message)

    def on_stun(self, data: bytes, address: tuple[str, int]) -> None:
        """Answer a check; take note of an answer."""
        message = stun.parse_message(data)
        if message.message_class is stun.Class.RESPONSE:
            self.remote = self.remote or address
            self._checked.set()
        elif message.message_class is stun.Class.REQUEST:
            answer = stun.Message(message.message_method, stun.Class.RESPONSE, transaction_id=message.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = address
            answer.add_message_integrity(self.password.encode())
            answer.add_fingerprint()
            self._send_to(bytes(answer), address)

    def send(self, data: bytes) -> None:
        """To the relay."""
        self._send_to(data, self.remote)

    def _send_to(self, data: bytes, address: tuple[str, int] | None) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            if address:
                self.socket.sendto(data, address)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data, address = self.socket.recvfrom(2048)
                if data[0] < 4:
                    self.on_stun(data, address)
                elif data[0] < 64:
                    self._wire.came.put_nowait(data)
