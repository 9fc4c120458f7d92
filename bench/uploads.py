"""A CT of 500 slices over a bad line: `python -m bench.uploads [--slices 500] [--dry]`.

The line carries 5 Mbit/s and is cut every 20 s. What counts: that everything arrives whole, how much was sent twice,
and how soon a specialist elsewhere sees the first picture. The client does what the page does: two files at a time,
middle slices first (`web/frontend/src/upload/order.ts`), after a cut it asks for the offset and goes on there.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp

from bench import common, results, servers
from bench.films import Mould, Series, series_of

_PIECE = 16 * 1024
_TOGETHER = 2


@dataclass
class BadLine:
    """A proxy that is slow upwards and is cut now and then.

    Attributes:
        sent_bytes: What went into the line upwards, with all headers, also what a cut swallowed.
    """

    to_port: int
    rate_bytes_s: float
    cut_every_s: float
    sent_bytes: int = 0
    cuts: int = 0
    _free_at: float = 0.0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """The line for the time of the context; its port."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_PIECE)
        async with asyncio.TaskGroup() as group:
            cutting = group.create_task(self._cut_for_ever())
            yield server.sockets[0].getsockname()[1]
            cutting.cancel()
            server.close()
            self._cut()

    async def _cut_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.cut_every_s)
            self.cuts += 1
            self._cut()

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            back, on = await asyncio.open_connection("127.0.0.1", self.to_port)
            self._open |= {writer, on}
            try:
                await asyncio.gather(self._carry(reader, on, up=True), self._carry(back, writer, up=False))
            finally:
                self._open -= {writer, on}
                writer.close()
                on.close()

    async def _carry(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_PIECE):
                if up:
                    self.sent_bytes += len(data)
                    now = time.monotonic()
                    self._free_at = max(now, self._free_at) + len(data) / self.rate_bytes_s
                    await asyncio.sleep(self._free_at - now)
                to.write(data)
                await to.drain()
        to.close()


def first_look(count: int) -> list[int]:
    """Places of slices in the order in which they go: as `order.ts` has it."""
    step, middle = max(2, -(-count // 16)), count // 2
    look = [place for place in range(count) if (place - middle) % step == 0]
    rest = [place for place in range(count) if (place - middle) % step]

    def middle_out(row: list[int]) -> list[int]:
        return [one for _, one in sorted(enumerate(row), key=lambda pair: abs(pair[0] - len(row) // 2))]

    return middle_out(look) + middle_out(rest)


class Sender:
    """The page's part: files in a line, two at a time, on through cuts."""

    def __init__(self, address: str, films: Sequence[bytes]) -> None:
        self._address = address
        self._films = films
        self._left: Iterator[int] = iter(first_look(len(films)))

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Send everything."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_TOGETHER):
                group.create_task(self._some(session))

    async def _some(self, session: aiohttp.ClientSession) -> None:
        for place in self._left:
            await self._one(session, self._films[place])

    async def _one(self, session: aiohttp.ClientSession, film: bytes) -> None:
        tus = {"Tus-Resumable": "1.0.0"}
        where, offset = "", 0
        while offset < len(film):
            try:
                if not where:
                    begun = {**tus, "Upload-Length": str(len(film))}
                    async with session.post(self._address, headers=begun) as answer:
                        answer.raise_for_status()
                        where = urljoin(self._address, answer.headers["Location"])
                headers = {**tus, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
                async with session.patch(where, headers=headers, data=film[offset:]) as answer:
                    answer.raise_for_status()
                    offset = int(answer.headers["Upload-Offset"])
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                await asyncio.sleep(0.2)
                offset = await self._offset(session, where, offset)

    @staticmethod
    async def _offset(session: aiohttp.ClientSession, where: str, known: int) -> int:
        if not where:
            return known
        while True:
            try:
                async with session.head(where, headers={"Tus-Resumable": "1.0.0"}) as answer:
                    answer.raise_for_status()
                    return int(answer.headers["Upload-Offset"])
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.2)


async def _first_picture(base: str, series: Series, session: aiohttp.ClientSession) -> float:
    """Seconds until a specialist, on a good line, has a picture of the series on the screen."""
    begun = time.monotonic()
    path = f"{base}/studies/{series.study}/series/{series.series}"
    while True:
        async with session.get(f"{path}/rendered", headers={"Accept": "image/jpeg"}) as answer:
            if answer.status == 200 and (await answer.read())[:2] == b"\xff\xd8":
                return time.monotonic() - begun
        await asyncio.sleep(0.1)


async def measure(base: str, token: str, slices: int, rate_bit_s: float, cut_s: float) -> dict[str, float]:
    """Send a series over the bad line: figures."""
    series = series_of(Mould(512), slices)
    total = sum(map(len, series.films))
    port = urlsplit(base).port
    assert port is not None
    line = BadLine(port, rate_bit_s / 8, cut_s)
    async with line.open() as here, aiohttp.ClientSession(headers={"Authorization": token}) as session:
        begun = time.monotonic()
        looking = asyncio.ensure_future(_first_picture(base, series, session))
        await Sender(f"http://127.0.0.1:{here}/uploads", series.films).run(session)
        took, first = time.monotonic() - begun, await looking
        whole = 0
        for instance, film in zip(series.instances, series.films, strict=True):
            path = f"{base}/studies/{series.study}/series/{series.series}/instances/{instance}"
            async with session.get(path, headers={"Accept": "application/dicom; transfer-syntax=*"}) as answer:
                whole += await answer.read() == film
    return {
        "whole": whole, "of": slices, "mb": total / 1e6, "seconds": took, "first_s": first, "cuts": line.cuts,
        "twice_percent": 100 * (line.sent_bytes / total - 1), "line_percent": 100 * total * 8 / rate_bit_s / took,
    }  # fmt: skip


def page(found: dict[str, float]) -> str:
    """The table for people."""
    return common.table(
        [
            ("", "found", "aim"),
            ("films that arrived byte for byte", f"{found['whole']:.0f} of {found['of']:.0f}", "all"),
            (
                "sent beyond the films' own bytes (headers, and what cuts swallowed)",
                f"{found['twice_percent']:.2f} %",
                "< 2 %",
            ),
            ("first picture on another screen", f"{found['first_s']:.1f} s", "≤ 10 s"),
            (
                "all of it",
                f"{found['seconds']:.0f} s, {found['line_percent']:.0f} % of the line, {found['cuts']:.0f} cuts",
                "",
            ),
        ]
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--slices", type=int, default=500)
    parser.add_argument("--mbit", type=float, default=5)
    parser.add_argument("--cut", type=float, default=20, help="seconds between cuts")
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md as it is")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="bench-uploads-") as name, servers.alone(Path(name) / "alone") as server:
        found = asyncio.run(
            measure(server.base, server.headers["Authorization"], given.slices, given.mbit * 1e6, given.cut)
        )
    told = (
        f"A CT of {given.slices} slices, {found['mb']:.0f} MB, over {given.mbit:g} Mbit/s cut every {given.cut:g} s, "
        f"to `python -m dicom_store`. {common.machine()}.\n\n{page(found)}"
    )
    sys.stdout.write(f"{told}\n")
    if not given.dry:
        results.keep("Uploads over a bad line", told)
    return 0 if found["whole"] == found["of"] else 1


if __name__ == "__main__":
    sys.exit(main())
