"""One effect for one key: the first answer is kept and given again to whoever repeats the request.

A weak line makes people and scripts send twice. The key is bound to the person, the address and the body; the same key
with another body is a mistake of the sender. Answers are sealed: they may hold a patient's name.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from aiohttp import web
from sqlalchemy import ColumnElement, LargeBinary, String, delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from teleconsult.actor import SYSTEM, Actor, ActorKind
from teleconsult.db import Database, Record, Work
from teleconsult.errors import Conflict, Refused
from teleconsult.http.forms import CSRF_FIELD, IDEMPOTENCY_FIELD, is_form, raw_form
from teleconsult.http.limits import read_body
from teleconsult.http.routing import route_of
from teleconsult.vault import Vault

KEPT_FOR = timedelta(days=2)
_CLAIM_DIES_AFTER = timedelta(minutes=2)
_WAIT_FOR_OTHER = timedelta(seconds=15)
_LOOK_EVERY_S = 0.1
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")
_MOST_BYTES = 256 * 1024

Run = Callable[[], Awaitable[web.StreamResponse]]
_Name = tuple[str, str, str]

_RUNNING: ContextVar[_Name | None] = ContextVar("running_key", default=None)
"""The key under which the present request runs."""


class FirstAnswer(Record):
    """A key that was used.

    Attributes:
        answer: What was answered, sealed; empty while the first request runs.
        effect_at: Set in the very transaction of the effect: after a crash nobody repeats what was done.
    """

    __tablename__ = "idempotency_keys"

    actor: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    route: Mapped[str] = mapped_column(String(300), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    effect_at: Mapped[datetime | None]
    at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> web.Response:
        return web.Response(
            status=self.status, headers={**self.headers, "Idempotency-Replayed": "true"}, body=self.body
        )


class FirstAnswers:
    """The table of keys.

    Args:
        database: Where it is.
        vault: Seals the answers.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._turns: dict[_Name, tuple[asyncio.Lock, int]] = {}
        database.join(_mark_effect)

    async def once(self, name: _Name, fingerprint: bytes, run: Run) -> web.StreamResponse:
        """Run, or give the first answer again.

        Raises:
            Refused: The key was used with another body.
            Conflict: The first request still runs, in another process.
        """
        async with self._turn(name):
            first = await self._claim(name, fingerprint)
            if first is not None:
                return first.response()
            running = _RUNNING.set(name)
            try:
                response = await run()
            except BaseException:
                await self._release(name)
                raise
            finally:
                _RUNNING.reset(running)
            if isinstance(response, web.Response) and response.status < 400:
                await self._keep(name, response)
            else:
                await self._release(name)
            return response

    async def forget(self) -> int:
        """Take away what is older than it needs to be kept. Returns how many."""
        async with self._database.write(SYSTEM) as work:
            gone = await work.session.execute(delete(FirstAnswer).where(FirstAnswer.at < work.at - KEPT_FOR))
            return int(gone.rowcount)  # type: ignore[attr-defined]

    @asynccontextmanager
    async def _turn(self, name: _Name) -> AsyncIterator[None]:
        lock, users = self._turns.get(name, (asyncio.Lock(), 0))
        self._turns[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            users = self._turns[name][1] - 1
            if users:
                self._turns[name] = (lock, users)
            else:
                del self._turns[name]

    async def _claim(self, name: _Name, fingerprint: bytes) -> _Answer | None:
        looks = int(_WAIT_FOR_OTHER.total_seconds() / _LOOK_EVERY_S)
        for _ in range(looks):
            try:
                row = await self._insert_or_find(name, fingerprint)
            except IntegrityError:
                continue  # another process was first: look at its row
            if row is None:
                return None
            if row.fingerprint != fingerprint:
                raise Refused("This key was used for another request.", code="idempotency_key_reused")
            if row.answer is not None:
                return self._open(name, row.answer)
            await asyncio.sleep(_LOOK_EVERY_S)
        raise Conflict("The first request with this key is still running.", code="still_running")

    async def _insert_or_find(self, name: _Name, fingerprint: bytes) -> FirstAnswer | None:
        async with self._database.write(SYSTEM) as work:
            row = await work.session.get(FirstAnswer, name)
            if row is not None and row.answer is None and row.at < work.at - _CLAIM_DIES_AFTER:
                if row.effect_at is not None:
                    raise Conflict(
                        "This was done, but the answer was lost on the way. Look for it before you send it again.",
                        code="answer_lost",
                    )
                row.at, row.fingerprint = work.at, fingerprint  # its process died before it had an effect
                return None
            if row is not None:
                return row
            actor, key, route = name
            work.session.add(FirstAnswer(actor=actor, key=key, route=route, fingerprint=fingerprint, at=work.at))
            await work.session.flush()
            return None

    async def _keep(self, name: _Name, response: web.Response) -> None:
        body = bytes(response.body) if isinstance(response.body, bytes | bytearray) else b""
        kept = {
            "status": response.status,
            "headers": {header: response.headers[header] for header in _KEPT_HEADERS if header in response.headers},
            "body": base64.b64encode(body[:_MOST_BYTES]).decode(),
        }
        sealed = self._vault.seal(json.dumps(kept), _row(name))
        async with self._database.write(SYSTEM) as work:
            await work.session.execute(update(FirstAnswer).where(*_is(name)).values(answer=sealed))

    async def _release(self, name: _Name) -> None:
        open_claim = (*_is(name), FirstAnswer.answer.is_(None))
        async with self._database.write(SYSTEM) as work:
            await work.session.execute(delete(FirstAnswer).where(*open_claim, FirstAnswer.effect_at.is_(None)))
            # What failed after its effect must not be repeated; nobody need wait to hear so.
            over = work.at - 2 * _CLAIM_DIES_AFTER
            await work.session.execute(update(FirstAnswer).where(*open_claim).values(at=over))

    def _open(self, name: _Name, sealed: bytes) -> _Answer:
        kept = json.loads(self._vault.open(sealed, _row(name)))
        return _Answer(kept["status"], kept["headers"], base64.b64decode(kept["body"]))


FIRST_ANSWERS: web.AppKey[FirstAnswers] = web.AppKey("first_answers", FirstAnswers)


async def once(request: web.Request, actor: Actor, run: Run) -> web.StreamResponse:
    """Run a creating handler once per key; without a key, simply run it.

    Raises:
        Refused: The key is no key, or was used with another body.
    """
    key = await _key_of(request)
    if not key:
        return await run()
    if _KEY.fullmatch(key) is None:
        raise Refused("An idempotency key is 1 to 128 visible characters.", code="bad_idempotency_key")
    route = f"{request.method} {sha256(request.path.encode()).hexdigest()}"
    name = (actor.id[:64], key, route)
    return await request.config_dict[FIRST_ANSWERS].once(name, await _fingerprint(request), run)


async def _key_of(request: web.Request) -> str:
    header = request.headers.get("Idempotency-Key", "").strip().strip('"')
    if header or not is_form(request):
        return header
    return next((str(value) for name, value in await raw_form(request) if name == IDEMPOTENCY_FIELD), "")


async def _fingerprint(request: web.Request) -> bytes:
    if is_form(request):
        told = repr([part for part in await raw_form(request) if part[0] != CSRF_FIELD]).encode()
    else:
        route = route_of(request)
        told = await read_body(request, route.max_bytes if route else 1 << 20)
    return sha256(request.path_qs.encode() + b"\0" + told).digest()


async def _mark_effect(work: Work) -> None:
    name = _RUNNING.get()
    if name is not None and work.actor.kind is not ActorKind.SYSTEM:  # the house's own rows are no effect
        await work.session.execute(update(FirstAnswer).where(*_is(name)).values(effect_at=work.at))


def _is(name: _Name) -> tuple[ColumnElement[bool], ...]:
    return FirstAnswer.actor == name[0], FirstAnswer.key == name[1], FirstAnswer.route == name[2]


def _row(name: _Name) -> str:
    return "/".join(("idempotency_keys", *name))
