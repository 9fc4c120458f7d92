"""Waking other web processes over Redis. Only a wake-up: what happened is in the outbox, so nothing is lost without it.

While Redis is away, others look for rows by themselves; when it comes back they look once more, for nobody called them
meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

CHANNEL = "teleconsult.rows"
_PATIENCE_S = 2.0
_AGAIN_S = (0.1, 0.5, 1.0, 2.0)
_SILENCE_S = 15.0
"""How long nothing may come before the connection is asked whether it still is one."""


class RedisWake:
    """Implements `events.Wake`.

    Args:
        url: `redis://host:port/number`.
        channel: One for each site.
    """

    def __init__(self, url: str, channel: str = CHANNEL) -> None:
        self._redis = Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S, health_check_interval=int(_SILENCE_S)
        )
        self._channel = channel

    async def call(self) -> None:
        """Wake the others; that Redis is away is no error, they will look by themselves."""
        try:
            await self._redis.publish(self._channel, b"rows")
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("wake.unavailable", error=type(error).__name__)

    async def calls(self) -> AsyncIterator[None]:
        """Wake-ups from the others, for ever; one after each time that Redis was away."""
        failures = 0
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as line:
                    await line.subscribe(self._channel)
                    failures = 0
                    yield
                    while True:
                        if await line.get_message(timeout=_SILENCE_S) is not None:
                            yield
                        else:
                            await line.ping()
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("wake.unavailable", error=type(error).__name__)
            await asyncio.sleep(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
            failures += 1

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()
