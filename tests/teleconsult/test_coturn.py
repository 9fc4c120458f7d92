"""Debian's coturn, run with the configuration that we print: calls go through it, and it leads nowhere else."""

import asyncio
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aioice import stun, turn
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from pydantic import SecretStr

from signaling import turn as credentials
from signaling.app import ROOMS, create_app
from signaling.config import ExchangeSettings, IceServer
from signaling.media.mux import readable
from signaling.ports import Admission, Grant
from signaling.tickets import mint
from teleconsult.addresses import own_addresses
from teleconsult.config import Bind, Settings, SettingsRefused
from teleconsult.coturn import TurnAddress, configuration, peers, read_address
from teleconsult.tls import Identity, identity

SECRET = "f00dfeedf00dfeedf00dfeedf00dfeed"
KEY = b"k" * 32
HERE = next((one for one in own_addresses() if ":" not in one), "127.0.0.1")
URLS = ("turn:{host}:{port}?transport=udp", "turn:{host}:{port}?transport=tcp", "turns:{host}:{tls}?transport=tcp")
OTHERS = ("127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "198.51.100.7", "224.0.0.1", "0.0.0.0")  # noqa: S104
needs_coturn = pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed")


def settings_of(urls: tuple[str, ...], host: str = HERE, secret: str | None = SECRET) -> Settings:
    return Settings(
        http_bind=Bind(host, 8080), turn_urls=urls, turn_secret=SecretStr(secret) if secret is not None else None
    )


# ---------------------------------------------------------------- the text
@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("turn:t.example.org", TurnAddress(tls=False, host="t.example.org", port=3478)),
        ("turns:t.example.org", TurnAddress(tls=True, host="t.example.org", port=5349)),
        ("turns:t.example.org:443?transport=tcp", TurnAddress(tls=True, host="t.example.org", port=443)),
        ("turn:[2001:db8::1]:3478?transport=udp", TurnAddress(tls=False, host="2001:db8::1", port=3478)),
        ("stun:t.example.org", None),
    ],
)
def test_addresses_are_read(text: str, meant: TurnAddress | None) -> None:
    assert read_address(text) == meant


@pytest.mark.parametrize("text", ["t.example.org", "turn:a b", "turn:a:0", "turn:a:99999", "turn:a\nuse=1", "http://a"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingsRefused):
        read_address(text)


@pytest.mark.parametrize("secret", [None, "", "short", "a line\nallowed-peer-ip=0.0.0.0-255.255.255.255", "ü" * 30])
def test_without_a_good_secret_nothing_is_written(secret: str | None) -> None:
    with pytest.raises(SettingsRefused, match="TURN_SECRET"):
        configuration(settings_of(("turn:t.example.org",), secret=secret))


def test_without_an_address_nothing_is_written() -> None:
    with pytest.raises(SettingsRefused, match="TURN_URLS"):
        configuration(settings_of(()))


def test_only_the_media_port_s_addresses_are_allowed() -> None:
    text = configuration(settings_of(("turn:t.example.org",), "192.0.2.17"))
    assert re.findall(r"^allowed-peer-ip=(.*)$", text, re.MULTILINE) == ["192.0.2.17"]
    assert "denied-peer-ip=0.0.0.0-255.255.255.255" in text
    assert "no-tls" in text
    assert "allow-loopback" not in text


def test_tls_on_443_is_shared_with_the_pages() -> None:
    text = configuration(settings_of(("turns:t.example.org:443?transport=tcp",)))
    assert "tls-listening-port=5349" in text
    assert "ssl_preread on" in text


# ---------------------------------------------------------------- the server
@dataclass
class Server:
    port: int
    tls: int
    site: Identity

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(one.format(host=HERE, port=self.port, tls=self.tls) for one in URLS)


def free_port() -> int:
    with socket.socket() as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        one.bind((HERE, 0))
        other.bind((HERE, one.getsockname()[1]))
        return int(one.getsockname()[1])


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(free_port(), free_port(), identity(tmp_path, [HERE], datetime.now(UTC)))
    text = configuration(settings_of(made.urls))
    text = re.sub(r"(?m)^cert=.*$", f"cert={made.site.certificate}", text)
    text = re.sub(r"(?m)^pkey=.*$", f"pkey={made.site.key}", text)
    text += f"listening-ip={HERE}\nrelay-ip={HERE}\nuserdb={tmp_path / 'db'}\npidfile={tmp_path / 'pid'}\n"
    text += f"log-file={tmp_path / 'log'}\nsimple-log\n"
    if HERE == "127.0.0.1":  # a machine without a network
        text += "allow-loopback-peers\ncli-password=unused\n"
    file = tmp_path / "turnserver.conf"
    file.write_text(text)
    process = await asyncio.create_subprocess_exec(
        "turnserver", "-c", str(file), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(20):
        for port in (made.port, made.tls):
            while True:
                try:
                    _, writer = await asyncio.open_connection(HERE, port)
                except OSError:
                    assert process.returncode is None, (tmp_path / "log").read_text()
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
    yield made
    process.terminate()
    await process.wait()


def ticket(participant: str) -> str:
    expires = datetime.now(UTC) + timedelta(seconds=60)
    return mint(KEY, Admission("r", participant, participant, "", frozenset(Grant) - {Grant.WAIT}, expires))


async def told(client, participant: str) -> list[dict[str, object]]:
    """What a browser is told when it enters."""
    async with client.ws_connect("/rtc") as line:
        await line.send_json({"type": "hello", "version": 1, "ticket": ticket(participant)})
        welcome = await line.receive_json(timeout=10)
        await line.send_json({"type": "leave"})
        return list(welcome["ice_servers"])


async def through(client, path: str, connection: RTCPeerConnection, participant: str) -> None:
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"Content-Type": "application/sdp", "X-Ticket": ticket(participant)}
    answer = await client.post(path, data=connection.localDescription.sdp, headers=headers)
    assert answer.status == 201
    assert len(answer.headers.getall("Link")) == 3
    await connection.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))


@needs_coturn
@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_a_call_goes_through_it(server: Server, aiohttp_client, monkeypatch, way: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.site.ca))
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: [HERE])
    servers = tuple(IceServer((url,)) for url in server.urls)
    node = ExchangeSettings(KEY, udp_host=HERE, udp_port=0, ice_servers=servers, turn_secret=SECRET.encode())
    client = await aiohttp_client(create_app(node))
    offered = await told(client, "li")
    mine = offered[("udp", "tcp", "tls").index(way)]
    relayed = RTCIceServer(mine["urls"], mine["username"], mine["credential"])
    publisher = RTCPeerConnection(
        RTCConfiguration(iceServers=[relayed], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
    )
    publisher.addTrack(AudioStreamTrack())
    publisher.addTrack(VideoStreamTrack())
    viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for kind in ("audio", "video"):
        viewer.addTransceiver(kind, direction="recvonly")
    async with asyncio.timeout(40):
        await through(client, "/whip/r", publisher, "li")
        await through(client, "/whep/r", viewer, "wang")
        track = next(one.receiver.track for one in viewer.getTransceivers() if one.kind == "video")
        assert (await track.recv()).width == 640
    came_from = client.app[ROOMS].peer("r", "li").name
    assert readable(came_from)[1] >= 49152, "it came from one of the relay's ports"
    await publisher.close()
    await viewer.close()


async def allocated(server: Server, name: str, password: str):
    context = ssl.create_default_context(cafile=str(server.site.ca))
    transport, _ = await turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(HERE, server.tls),
        username=name,
        password=password,
        ssl=context,
        transport="tcp",
    )
    return transport


async def permission(inner, address: str) -> int:
    """The error code of asking to send there, 0 where it is allowed."""
    request = stun.Message(message_method=stun.Method.CHANNEL_BIND, message_class=stun.Class.REQUEST)
    request.attributes["CHANNEL-NUMBER"] = 0x4000
    request.attributes["XOR-PEER-ADDRESS"] = (address, 40000)
    try:
        await inner.request_with_retry(request)
    except stun.TransactionFailed as refused:
        return int(refused.response.attributes["ERROR-CODE"][0])
    return 0


@needs_coturn
async def test_it_reaches_the_media_port_s_address_and_no_other(server: Server) -> None:
    name, password = credentials.credentials(SECRET.encode(), "li", datetime.now(UTC))
    transport = await allocated(server, name, password)
    inner = transport._TurnTransport__inner_protocol
    assert peers(settings_of(server.urls)) == (HERE,)
    for address in (one for one in OTHERS if one != HERE):
        assert await permission(inner, address) == 403, address
    assert await permission(inner, HERE) == 0
    transport.close()
    await asyncio.sleep(0.2)


@needs_coturn
@pytest.mark.parametrize("flaw", ["expired", "forged", "another's name"])
async def test_credentials_that_are_not_good_open_nothing(server: Server, flaw: str) -> None:
    then = datetime.now(UTC) - (credentials.LIFETIME + timedelta(minutes=5) if flaw == "expired" else timedelta())
    name, password = credentials.credentials(SECRET.encode(), "li", then)
    if flaw == "forged":
        _, password = credentials.credentials(b"guessed", "li", then)
    if flaw == "another's name":
        name = name.replace(":", ":x")
    with pytest.raises((stun.TransactionFailed, ConnectionError)):
        await allocated(server, name, password)
