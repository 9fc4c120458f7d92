"""The life of the media process: what a thousand joins and leaves leave behind, how soon it is back after kill -9, how
soon somebody is out whose right has ended.

    python -m bench.lives [--cycles 1000] [--dry]

Everything on loopback. A kill is measured through the supervisor, with the spare process and without one.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from bench import results
from bench.rtc import machine
from bench.rtc.peer import LightPeer
from signaling.ports import Admission, Grant
from signaling.tickets import mint
from teleconsult.bridges.agreed import ticket_key
from teleconsult.bridges.node import Node, UnixWay
from teleconsult.config import Bind, Settings
from teleconsult.supervisor import ChildSpec, Supervisor

_TOKEN = "bench"
_HOST = "127.0.0.1"
_WARM = 200
_KILLS = 3
_REVOKED = 20
_SPARE_IS_READY_S = 15.0


def _free(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind((_HOST, 0))
        return int(one.getsockname()[1])


def _rss_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


# ---------------------------------------------------------------- joins and leaves
async def memory(cycles: int) -> dict[str, float]:
    """RSS of a server after a warm-up, and after so many more publishers that came and went."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens"
        tokens.write_text(json.dumps({_TOKEN: {"participant": "bench"}}))
        port = _free(socket.SOCK_STREAM)
        words = ["--port", str(port), "--udp-port", str(_free(socket.SOCK_DGRAM)), "--token-file", str(tokens)]
        server = await asyncio.create_subprocess_exec(sys.executable, "-m", "signaling", *words)
        try:
            headers = {"Authorization": f"Bearer {_TOKEN}"}
            async with aiohttp.ClientSession(f"http://{_HOST}:{port}", headers=headers) as client:
                await _answers(client)
                before = 0
                for number in range(_WARM + cycles):
                    if number == _WARM:
                        before = _rss_kb(server.pid)
                    await _come_and_go(client, number)
            return {"cycles": cycles, "rss_before_kb": before, "rss_after_kb": _rss_kb(server.pid)}
        finally:
            server.terminate()
            await server.wait()


async def _answers(client: aiohttp.ClientSession) -> None:
    while True:
        try:
            async with client.get("/nothing"):
                return
        except aiohttp.ClientError:
            await asyncio.sleep(0.1)


async def _come_and_go(client: aiohttp.ClientSession, number: int) -> None:
    peer = LightPeer(_HOST)
    kind = {"Content-Type": "application/sdp"}
    async with client.post(f"/whip/room-{number % 7}", data=peer.offer("sendonly"), headers=kind) as answer:
        where = answer.headers["Location"]
        await peer.connect(await answer.text())
    async with client.delete(where):
        pass
    await peer.close()


# ---------------------------------------------------------------- kills
async def back_after_kill(*, spare: bool) -> list[float]:
    """Seconds from a kill to the first answer, several times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run").mkdir()
        settings = Settings(data_dir=folder, http_bind=Bind(_HOST, 0), media_udp_port=_free(socket.SOCK_DGRAM))
        house = Supervisor(settings, [ChildSpec("media", ("child", "media"), spare=spare)])
        took: list[float] = []
        async with asyncio.TaskGroup() as group, Node("media", UnixWay(folder / "run" / "media.sock")) as node:
            running = group.create_task(house.run())
            await _up(node)
            for _ in range(_KILLS):
                await asyncio.sleep(_SPARE_IS_READY_S)
                os.kill(house.pids["media"], signal.SIGKILL)
                start = time.monotonic()
                await _up(node)
                took.append(time.monotonic() - start)
            house.stop()
            await running
    return took


# ---------------------------------------------------------------- rights that end
async def out_after_revoking() -> list[float]:
    """Seconds from the clinic's word to the goodbye at the socket of whoever lost the right, several times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "run").mkdir()
        settings = Settings(data_dir=folder, http_bind=Bind(_HOST, 0), media_udp_port=_free(socket.SOCK_DGRAM))
        house = Supervisor(settings, [ChildSpec("media", ("child", "media"))])
        took: list[float] = []
        async with asyncio.TaskGroup() as group, Node("media", UnixWay(folder / "run" / "media.sock")) as node:
            running = group.create_task(house.run())
            await _up(node)
            for number in range(_REVOKED):
                who = f"specialist-{number}"
                expires = datetime.now(UTC) + timedelta(minutes=1)
                grants = frozenset({Grant.PUBLISH, Grant.SUBSCRIBE})
                pass_ = mint(ticket_key(settings), Admission("bench", who, who, "specialist", grants, expires))
                line = await node.line("/rtc", 1 << 20)
                await line.send_json({"type": "hello", "version": 1, "ticket": pass_})
                await _said(line, "welcome")
                start = time.monotonic()
                await node.put_out("bench", who)
                await _said(line, "closing")
                took.append(time.monotonic() - start)
            house.stop()
            await running
    return took


async def _said(line: aiohttp.ClientWebSocketResponse, kind: str) -> None:
    while (await line.receive_json())["type"] != kind:
        pass


async def _up(node: Node) -> None:
    await asyncio.sleep(0.01)
    while not await node.figures():
        await asyncio.sleep(0.01)


async def _measure(cycles: int) -> dict[str, object]:
    return {
        "load_before": os.getloadavg()[0],
        "memory": await memory(cycles),
        "spare_s": sorted(await back_after_kill(spare=True)),
        "cold_s": sorted(await back_after_kill(spare=False)),
        "revoked_s": sorted(await out_after_revoking()),
        "load_after": os.getloadavg()[0],
    }


def main() -> int:
    """Run."""
    words = argparse.ArgumentParser(prog="python -m bench.lives", description=__doc__.split("\n")[0])
    words.add_argument("--cycles", type=int, default=1000)
    words.add_argument("--dry", action="store_true", help="print only; leave RESULTS.md alone")
    given = words.parse_args()
    found = asyncio.run(_measure(given.cycles))
    print(json.dumps(found, indent=1))
    if not given.dry:
        held = found["memory"]
        grown = 100 * (held["rss_after_kb"] / held["rss_before_kb"] - 1)
        text = (
            f"Load of the machine {found['load_before']:.0f} to {found['load_after']:.0f}. {machine.describe()}.\n\n"
            f"| | | aim |\n|---|---|---|\n"
            f"| RSS after {held['cycles']} joins and leaves | {held['rss_before_kb'] / 1024:.1f} to "
            f"{held['rss_after_kb'] / 1024:.1f} MB, {grown:+.1f} % | within 5 % |\n"
            f"| from kill -9 to the first answer, with the spare process | "
            f"{', '.join(f'{one:.2f}' for one in found['spare_s'])} s | 3 s |\n"
            f"| the same, started from nothing | {', '.join(f'{one:.2f}' for one in found['cold_s'])} s | |\n"
            f"| from the end of a right to the goodbye, longest of {len(found['revoked_s'])} | "
            f"{1000 * found['revoked_s'][-1]:.1f} ms | 2 s |\n"
        )
        results.keep("The media process: memory, and coming back", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
