"""Debian's Janus as the peer to compare with: its VideoRoom over the HTTP API, with a minimal configuration."""

import asyncio
import random
import shutil
from pathlib import Path

import aiohttp

_MODULES = Path("/usr/lib/x86_64-linux-gnu/janus")
_UNUSED_PLUGINS = [
    "audiobridge",
    "sip",
    "nosip",
    "lua",
    "duktape",
    "recordplay",
    "streaming",
    "textroom",
    "videocall",
    "voicemail",
    "echotest",
]
_UNUSED_TRANSPORTS = ["mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets"]


def missing() -> str:
    """Why Janus cannot run here; "" if it can."""
    if shutil.which("janus") is None:
        return "Janus is not installed (Debian: apt install janus)"
    return "" if _MODULES.exists() else f"Janus' plugins are not in {_MODULES}"


def write_configuration(folder: Path, device: str, host: str, port: int) -> list[str]:
    """Write Janus' files; returns the command that starts it."""
    unused = ",".join(f"libjanus_{name}.so" for name in _UNUSED_PLUGINS)
    unused_transports = ",".join(f"libjanus_{name}.so" for name in _UNUSED_TRANSPORTS)
    (folder / "janus.jcfg").write_text(
        f'general: {{ configs_folder = "{folder}"; plugins_folder = "{_MODULES}/plugins"; session_timeout = 0;\n'
        f'  transports_folder = "{_MODULES}/transports"; debug_level = 2 }}\n'
        f'nat: {{ ice_enforce_list = "{device}" }}\n'
        f'plugins: {{ disable = "{unused}" }}\ntransports: {{ disable = "{unused_transports}" }}\n'
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    (folder / "janus.transport.http.jcfg").write_text(
        f'general: {{ http = true; port = {port}; ip = "{host}"; base_path = "/janus"; https = false;'
        ' json = "plain" }\n'
        "admin: { admin_http = false }\n"
    )
    return ["janus", "-C", str(folder / "janus.jcfg"), "-F", str(folder)]


class JanusDoor:
    """Opens publishers and subscribers; used as `async with`.

    Args:
        url: Of the HTTP API.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._events: dict[str, asyncio.Future] = {}

    async def __aenter__(self) -> "JanusDoor":
        self._http = aiohttp.ClientSession()
        made = await self._post(self._url, {"janus": "create"})
        self._session = f"{self._url}/{made['data']['id']}"
        self._poller = asyncio.ensure_future(self._poll())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._poller.cancel()
        await self._post(self._session, {"janus": "destroy"})
        await self._http.close()

    async def publish(self, peer, room: int, publisher: int) -> None:
        handle = await self._attach()
        create = {"request": "create", "room": 1000 + room, "publishers": 50, "videocodec": "vp8", "audiocodec": "opus"}
        await self._ask(handle, {**create, "bitrate": 0, "fir_freq": 0, "transport_wide_cc_ext": False}, lenient=True)
        await self._ask(handle, {"request": "join", "ptype": "publisher", "room": 1000 + room, "id": 10 + publisher})
        event = await self._ask(handle, {"request": "publish"}, {"type": "offer", "sdp": peer.offer("sendonly")})
        await peer.connect(event["jsep"]["sdp"])

    async def play(self, peer, room: int, publisher: int) -> None:
        handle = await self._attach()
        join = {"request": "join", "ptype": "subscriber", "room": 1000 + room, "streams": [{"feed": 10 + publisher}]}
        event = await self._ask(handle, join)
        answer = peer.reply_to(event["jsep"]["sdp"])
        connecting = asyncio.ensure_future(peer.connect())
        await self._ask(handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        await connecting

    async def _attach(self) -> str:
        made = await self._post(self._session, {"janus": "attach", "plugin": "janus.plugin.videoroom"})
        return f"{self._session}/{made['data']['id']}"

    async def _ask(self, handle: str, body: dict, jsep: dict | None = None, *, lenient: bool = False) -> dict:
        key = f"{random.getrandbits(60):x}"
        waiting = self._events[key] = asyncio.get_running_loop().create_future()
        words = {"janus": "message", "body": body, **({"jsep": jsep} if jsep else {})}
        said = await self._post(handle, words, key)
        if said["janus"] == "ack":
            said = await asyncio.wait_for(waiting, 20)
        del self._events[key]
        data = said.get("plugindata", {}).get("data", {})
        if "error" in data and not lenient:
            raise RuntimeError(data["error"])
        return said

    async def _post(self, url: str, words: dict, key: str | None = None) -> dict:
        words["transaction"] = key or f"{random.getrandbits(60):x}"
        async with self._http.post(url, json=words) as response:
            said = await response.json()
        if said["janus"] == "error":
            raise RuntimeError(said["error"])
        return said

    async def _poll(self) -> None:
        while True:
            async with self._http.get(self._session, params={"maxev": "20"}) as response:
                events = await response.json()
            for event in events if isinstance(events, list) else [events]:
                waiting = self._events.get(event.get("transaction", ""))
                if waiting and not waiting.done() and event.get("janus") == "event":
                    waiting.set_result(event)
