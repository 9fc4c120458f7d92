import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import LabRefused
from dicom_store.labs.hl7 import parse
from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.mllp import Framer, MllpLimits, framed, serve_mllp
from tests.dicom_store.labs.messages import WBC, oru

BLOCKS = st.lists(st.binary(max_size=60).map(lambda raw: raw.replace(b"\x0b", b"").replace(b"\x1c", b"")), max_size=8)


@given(BLOCKS, st.lists(st.integers(1, 20), min_size=1))
def test_blocks_come_out_whole_however_the_stream_is_cut(blocks: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(framed(block) for block in blocks)
    framer, found, place = Framer(), [], 0
    while place < len(stream):
        step = cuts[place % len(cuts)]
        found += framer.feed(stream[place : place + step])
        place += step
    assert found == blocks
    assert framer.held == 0


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_no_stream_breaks_the_framer_or_holds_more_than_its_limit(pieces: list[bytes]) -> None:
    framer = Framer(limit=64, noise_limit=64)
    with contextlib.suppress(LabRefused):
        for piece in pieces:
            framer.feed(piece)
    assert framer.held <= 64


def test_a_block_begun_anew_replaces_the_unfinished_one() -> None:
    assert Framer().feed(b"\x0bhalf a mess\x0bwhole\x1c\r") == [b"whole"]


def test_a_frame_without_its_last_return_ends_all_the_same() -> None:
    framer = Framer()
    assert framer.feed(b"\x0ba\x1c\x0bb\x1c\n\r\x0bc") == [b"a", b"b"]
    assert framer.held == 1


@pytest.mark.parametrize("stream", [b"\x0b" + b"x" * 101, b"x" * 101, b"\x0bx\x1c" + b"\r" * 101])
def test_a_stream_over_its_bounds_is_given_up(stream: bytes) -> None:
    framer = Framer(limit=100, noise_limit=100)
    with pytest.raises(LabRefused):
        framer.feed(stream)


@contextlib.asynccontextmanager
async def served(ingest: LabIngest, limits: MllpLimits | None = None) -> AsyncIterator[int]:
    async with serve_mllp(ingest.answer, "127.0.0.1", 0, limits) as server:
        yield server.sockets[0].getsockname()[1]


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the server closes."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_messages_of_one_connection_are_answered_in_order(ingest: LabIngest) -> None:
    async with served(ingest) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for place in range(5):
            writer.write(framed(oru(WBC, control_id=f"M{place}").encode()))
        for place in range(5):
            answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
            assert parse(answer.strip(b"\x0b\x1c\r")).segments[1].get(2) == f"M{place}"
        writer.close()


async def test_a_message_with_a_large_document_passes(ingest: LabIngest) -> None:
    document = "QUFB" * 1_000_000
    async with served(ingest) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(oru(f"ED|1^Report^L||^AP^PDF^Base64^{document}").encode()))
        assert b"MSA|AA|M1" in await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 20)
        writer.close()


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n" * 5000, b"\x0b" + b"x" * 200_000])
async def test_floods_are_cut_off_and_others_go_on(ingest: LabIngest, sent: bytes) -> None:
    async with served(ingest, MllpLimits(message_bytes=100_000)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        assert await closed(reader) == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(oru(WBC).encode()))
        assert b"MSA|AA" in await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
        writer.close()


async def test_a_slow_sender_is_cut_off_though_it_keeps_dripping(ingest: LabIngest) -> None:
    async with served(ingest, MllpLimits(block=timedelta(seconds=0.3))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ended = asyncio.ensure_future(closed(reader))
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"\x0b" if not _ else b"M")
                await asyncio.sleep(0.05)
                if ended.done():
                    break
        assert ended.done()
        writer.close()


async def test_an_idle_connection_is_closed_in_the_end(ingest: LabIngest) -> None:
    async with served(ingest, MllpLimits(idle=timedelta(seconds=0.2))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n")
        assert await closed(reader) == b""
        writer.close()


async def test_one_address_cannot_take_every_connection(ingest: LabIngest) -> None:
    async with served(ingest, MllpLimits(connections_per_address=2)) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await closed(reader) == b""
        writer.close()
        held[0][1].close()
        await asyncio.sleep(0.2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(framed(oru(WBC).encode()))
        assert b"MSA|AA" in await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
        for _, each in (*held, (reader, writer)):
            each.close()


async def test_unfinished_messages_share_a_bounded_memory(ingest: LabIngest) -> None:
    limits = MllpLimits(held_bytes=150_000)
    async with served(ingest, limits) as port:
        first, second = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        first[1].write(b"\x0b" + b"x" * 100_000)
        await asyncio.sleep(0.2)
        second[1].write(b"\x0b" + b"x" * 100_000)
        assert await closed(second[0]) == b""
        first[1].close()
        second[1].close()


async def test_the_server_ends_with_connections_open(ingest: LabIngest) -> None:
    async with served(ingest) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x0bhalf")
        await asyncio.sleep(0.1)
    assert await closed(reader) == b""
    writer.close()
