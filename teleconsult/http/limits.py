"""How much and how often: bounded reading of bodies, and rate limits. Knows no route and no person."""

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from teleconsult.clock import Clock
from teleconsult.errors import Refused, TooLarge, TooMany

_CHUNK_SILENCE = timedelta(seconds=20)
_SLOWEST_BYTES_PER_S = 2_000  # a quarter of a 2G uplink; slower is an attack or a dead line
_PATIENCE = timedelta(seconds=30)
_BODY: web.RequestKey[bytes] = web.RequestKey("body", bytes)


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """The request's body, read once.

    Raises:
        TooLarge: Announced or real length is above the limit; nothing beyond it is kept.
        Refused: It comes too slowly, or is compressed (a small body could become a huge one).
    """
    if _BODY in request:
        return request[_BODY]
    if (request.content_length or 0) > max_bytes:
        raise TooLarge("This is larger than {limit} KiB, the most this page takes.", limit=max_bytes // 1024)
    whole = bytearray()
    allowed = _PATIENCE.total_seconds() + max_bytes / _SLOWEST_BYTES_PER_S
    try:
        async with asyncio.timeout(allowed):
            while chunk := await _next_chunk(request):
                whole += chunk
                if len(whole) > max_bytes:
                    raise TooLarge(
                        "This is larger than {limit} KiB, the most this page takes.", limit=max_bytes // 1024
                    )
    except TimeoutError:
        raise Refused("The request came too slowly. Please send it again.", code="too_slow") from None
    except HttpProcessingError:
        raise Refused("The request cannot be read.", code="unreadable") from None
    request[_BODY] = bytes(whole)
    return request[_BODY]


async def _next_chunk(request: web.Request) -> bytes:
    async with asyncio.timeout(_CHUNK_SILENCE.total_seconds()):
        return await request.content.readany()


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


class RateLimit:
    """Allows `times` in `per`, refilled evenly; each key on its own. In memory, bounded, per process.

    Args:
        clock: What time it is.
        times: How many at once.
        per: In which time all of them come back.
        most_keys: Of how many keys it keeps count; the one not seen for longest is forgotten first.
    """

    def __init__(self, clock: Clock, times: int, per: timedelta, most_keys: int = 20_000) -> None:
        self._clock = clock
        self._times = times
        self._per_s = times / per.total_seconds()
        self._most = most_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Use one.

        Raises:
            TooMany: None is left; says when the next will be.
        """
        now = self._clock.now()
        bucket = self._buckets.pop(key, None) or _Bucket(float(self._times), now)
        passed_s = max((now - bucket.at).total_seconds(), 0.0)
        bucket.left = min(bucket.left + passed_s * self._per_s, float(self._times))
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            wait_s = math.ceil((1 - bucket.left) / self._per_s)
            raise TooMany(
                "Too many tries. Please wait {seconds} seconds.",
                retry_after=timedelta(seconds=wait_s),
                seconds=wait_s,
            )
        bucket.left -= 1

    def give_back(self, key: str) -> None:
        """Undo one `take`: it was no abuse."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.left = min(bucket.left + 1, float(self._times))

    def forget(self, key: str) -> None:
        """Give a key all of its tries back, for instance after the right password."""
        self._buckets.pop(key, None)
