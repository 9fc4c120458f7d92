"""Firefox with made-up devices, driven by WebDriver BiDi over its own port: no driver program is needed."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.journeys.callers import RECEIVED, REMEMBER, Received

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_PREFERENCES = {
    # A made-up camera does not count as one in use: without this only addresses of the default route are tried.
    "permissions.default.camera": 1,
    "permissions.default.microphone": 1,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.getusermedia.insecure.enabled": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    "media.gmp-manager.url": "",
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9/",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.server": "",
}
_LISTENS = re.compile(r"ws://\S+")
_STARTS_WITHIN_S = 120.0
_ANSWERS_WITHIN_S = 120.0


class Firefox:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._tab = ""

    async def open(self) -> None:
        """Begin a session; every connection of the pages is remembered."""
        await self._command("session.new", capabilities={})
        self._tab = (await self._command("browsingContext.getTree"))["contexts"][0]["context"]
        await self._command("script.addPreloadScript", functionDeclaration=f"() => {{ {REMEMBER} }}")

    async def goto(self, url: str) -> None:
        await self._command("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    async def run(self, script: str) -> Any:
        """The JSON value of an expression."""
        answer = await self._command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({script}) ?? null))()",
            target={"context": self._tab},
            awaitPromise=True,
            userActivation=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    async def click(self, selector: str, seconds: float = 60.0) -> None:
        """Click what is there and can be seen, as soon as it is."""
        there = f"(one => one && !one.hidden && (one.click(), true))(document.querySelector({json.dumps(selector)}))"
        for _ in range(int(seconds / 0.25)):
            if await self.run(there):
                return
            await asyncio.sleep(0.25)
        raise AssertionError(f"{selector} never came")

    async def received(self) -> Received:
        found = await self.run(f"({RECEIVED})()")
        return Received(found["frames"], found["energy"])

    async def _command(self, method: str, **given: Any) -> Any:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": given})
        async with asyncio.timeout(_ANSWERS_WITHIN_S):
            while True:
                said = await self._socket.receive_json()
                if said.get("id") == self._number:
                    assert said.get("type") == "success", said
                    return said["result"]


@asynccontextmanager
async def firefox(profile: Path) -> AsyncIterator[Firefox]:
    """A running Firefox with a profile of its own."""
    assert FIREFOX
    profile.mkdir()
    lines = [f'user_pref("{name}", {json.dumps(value)});\n' for name, value in _PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    process = await asyncio.create_subprocess_exec(
        FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_STARTS_WITHIN_S):
            address = await _address(process)
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{address}/session", max_msg_size=0) as socket:
            tab = Firefox(socket)
            await tab.open()
            yield tab
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        # Its pipe is read to the end: what nobody reads would keep it from ending.
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr
    while line := (await process.stderr.readline()).decode(errors="replace"):
        if found := _LISTENS.search(line):
            return found[0]
    raise AssertionError("Firefox ended before it listened")
