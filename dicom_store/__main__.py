"""`python -m dicom_store --port N --data DIR --token-file F`: the archive alone, with a token file for access.

A line of the token file is `TOKEN INSTITUTION [search,read,store,delete]`; without the third word all is allowed.
"""

import argparse
import asyncio
import hmac
import os
import signal
import sys
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from aiohttp import web

from dicom_store.app import create_app, open_archive
from dicom_store.config import MIB, ArchiveSettings
from dicom_store.errors import NotIdentified
from dicom_store.heap import keep_pages
from dicom_store.model import InstitutionId, Origin, StudyKey
from dicom_store.ports import Action, Caller, Credentials, Scope


@dataclass(frozen=True, slots=True)
class _Grant:
    token: str
    institution: InstitutionId
    actions: frozenset[Action]


class TokenFile:
    """A Gatekeeper that knows the tokens of a file.

    Args:
        text: The file's text.

    Raises:
        ValueError: A line that cannot be understood, with its number.
    """

    def __init__(self, text: str) -> None:
        self._grants: list[_Grant] = []
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                token, institution = words[:2]
                actions = frozenset(Action(word) for word in words[2].split(",")) if words[2:] else frozenset(Action)
            except ValueError:
                raise ValueError(f"line {number} is not TOKEN INSTITUTION [ACTIONS]") from None
            self._grants.append(_Grant(token, InstitutionId(institution), actions))

    async def identify(self, credentials: Credentials) -> Caller:
        """The caller of a bearer token; the id is the number of its line."""
        scheme, _, token = credentials.authorization.partition(" ")
        if scheme.lower() == "bearer":
            for number, grant in enumerate(self._grants):
                if hmac.compare_digest(grant.token.encode(), token.strip().encode()):
                    return Caller(str(number))
        raise NotIdentified("Please identify yourself with a token.")

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        """No station is known here."""
        raise NotIdentified("This station is not registered.")

    async def scope(self, caller: Caller, action: Action) -> Scope:
        """Everything of the token's institution, if the token may do this."""
        grant = self._grants[int(caller.id)]
        if action not in grant.actions:
            return Scope()
        store_into = grant.institution if action is Action.STORE else None
        return Scope(institutions=frozenset({grant.institution}), store_into=store_into)

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        """Any reference will do: there is nothing here that it could point at."""

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        """Alone, the archive keeps no audit; the clinic does."""

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        """The same."""


def _key(path: Path) -> bytes:
    """The master key in a file; made at the first start."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()


async def _serve(settings: ArchiveSettings, gatekeeper: TokenFile, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_archive(settings) as archive:
        app = create_app(archive, gatekeeper, lambda message, _language: message)
        runner = web.AppRunner(app, read_bufsize=MIB, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        taken = runner.addresses[0][1]
        sys.stdout.write(f"http://{host}:{taken}/dicomweb\n")
        sys.stdout.flush()
        await stop.wait()
        await runner.cleanup()


def main() -> int:
    """Run until told to stop; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dicom_store", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8042)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--key-file", type=Path, help="32 bytes; default DATA/archive.key, made at the first start")
    parser.add_argument("--database-url")
    parser.add_argument("--warm", action="store_true", help="start what makes pictures at once, not with the first one")
    given = parser.parse_args()
    keep_pages()
    try:
        gatekeeper = TokenFile(given.token_file.read_text("utf-8"))
        settings = ArchiveSettings(
            data_dir=given.data,
            key=_key(given.key_file or given.data / "archive.key"),
            clock=lambda: datetime.now(UTC),  # noqa: TID251  the one place that hands out the clock here
            database_url=given.database_url,
            warm_workers=given.warm,
        )
        uvloop.run(_serve(settings, gatekeeper, given.host, given.port))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"dicom_store: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
