"""Passwords: Argon2id in threads, two at a time, and never faster for a login that does not exist."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from teleconsult.errors import Unavailable

_Result = TypeVar("_Result")

_AT_ONCE = 2
_MOST_WAITING = 40


@dataclass(frozen=True, slots=True)
class Cost:
    """What a guess costs. The default is RFC 9106's second choice: 64 MiB, three passes."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 1


class Passwords:
    """Hashes and checks.

    Args:
        cost: Of each check; tests take a small one.
    """

    def __init__(self, cost: Cost | None = None) -> None:
        chosen = cost or Cost()
        self._hasher = PasswordHasher(chosen.passes, chosen.memory_kib, chosen.lanes)
        self._nobody = self._hasher.hash("a password that nobody has")
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """A new hash, with its salt and cost in it.

        Raises:
            Unavailable: Too many wait already.
        """
        return await self._in_turn(self._hasher.hash, password)

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether the password is right; without a hash it takes as long and says no.

        Raises:
            Unavailable: Too many wait already.
        """
        fits = await self._in_turn(self._verify, kept or self._nobody, password)
        return fits and kept is not None

    def is_dated(self, kept: str) -> bool:
        """Whether the hash was made at another cost and should be made anew at the next log-in."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_turn(self, work: Callable[..., _Result], *given: str) -> _Result:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many people are logging in at this moment. Please try again.")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *given)
        finally:
            self._waiting -= 1
