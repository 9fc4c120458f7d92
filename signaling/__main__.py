"""`python -m signaling`: the exchange alone, with a file of tokens.

The token file is JSON: `{"TOKEN": {"participant": "dr-li", "name": "Dr Li", "grants": ["publish", "subscribe"]}}`,
or `"role": "patient", "waits": true` for what the usual roles may do (`roles`).
A token admits to every room of this node; `POST /tickets/{room}` with it mints a ticket for the WebSocket.

As a node of a site, with `--redis` and `--node`: no tokens; the clinic's web process judges, and comes by TLS with the
key that `teleconsult node-key` wrote. Words may stand in a file, one a line: `python -m signaling @node.words`.
"""

import argparse
import hmac
import json
import secrets
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from signaling.app import create_app
from signaling.certificate import self_made
from signaling.config import ExchangeSettings, IceServer, Neighbours
from signaling.directory import NODE_NAME
from signaling.errors import TicketRefused
from signaling.ports import Admission, Grant
from signaling.roles import grants_of
from signaling.shelf import SealedShelf
from signaling.tickets import LIFETIME, TicketReader, mint, used_beside


class TokenFile:
    """A Gatekeeper that knows tokens from a file, and the tickets minted for them."""

    def __init__(self, path: Path, key: bytes, used: Path | None = None) -> None:
        self._known = json.loads(path.read_text())
        self._key = key
        self._reader = TicketReader(key, _now, used)

    def admission(self, token: str, room: str) -> Admission:
        """What a token allows in a room.

        Raises:
            TicketRefused: Unknown.
        """
        for known, said in self._known.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                grants = _grants(said)
                who = said["participant"]
                return Admission(room, who, said.get("name", who), said.get("role", ""), grants, _now() + LIFETIME)
        raise TicketRefused("the token is unknown")

    def admit(self, ticket: str, room: str | None) -> Admission:
        """Take a ticket, or a token where the room stands in the path."""
        if "." in ticket:
            return self._reader.admit(ticket, room)
        if room is None:
            raise TicketRefused("a token names no room: ask for a ticket")
        return self.admission(ticket, room)

    async def mint(self, request: web.Request) -> web.Response:
        """A ticket for the bearer of a token."""
        try:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            admission = self.admission(token, request.match_info["room"])
        except TicketRefused as error:
            return web.json_response({"detail": str(error)}, status=401)
        return web.json_response({"room": admission.room, "ticket": mint(self._key, admission)})


def _grants(said: dict[str, Any]) -> frozenset[Grant]:
    """Those that are named; else those of the role; without a role everything but the host's."""
    if "grants" in said:
        return frozenset(Grant(word) for word in said["grants"])
    if "role" in said:
        return grants_of(said["role"], waiting_room=bool(said.get("waits")))
    return frozenset({Grant.PUBLISH, Grant.SUBSCRIBE, Grant.SHARE, Grant.FILMS})


def _shelf(folder: Path | None, key: Path | None) -> SealedShelf | None:
    if folder is None:
        return None
    if key is None or len(sealed := key.read_bytes()) != 32:
        sys.exit("--recordings needs --recordings-key-file, a file of 32 bytes.")
    return SealedShelf(folder, sealed)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a program's own clock


def main() -> None:
    """Run until stopped."""
    words = argparse.ArgumentParser(prog="python -m signaling", description=__doc__, fromfile_prefix_chars="@")
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, default=8090)
    words.add_argument("--udp-port", type=int, default=40000)
    words.add_argument("--announce", action="append", default=[], metavar="HOST[:PORT]")
    words.add_argument("--journal", type=Path, help="file that keeps what happened until it is acknowledged")
    words.add_argument("--key-file", type=Path, help="what tickets are signed with; without it a new key each start")
    words.add_argument("--turn-url", action="append", default=[], help="TURN server that browsers are told of")
    words.add_argument("--turn-secret-file", type=Path, help="what is shared with the TURN servers")
    words.add_argument("--recordings", type=Path, help="folder for sealed recordings; without it nothing is recorded")
    words.add_argument("--recordings-key-file", type=Path, help="32 bytes that recordings are sealed with")
    words.add_argument("--no-compiled", action="store_true", help="leave the compiled fan-out alone")
    words.add_argument("--token-file", type=Path, help="who may enter, without a clinic")
    words.add_argument("--redis", metavar="URL", help="where the nodes of a site are written down")
    words.add_argument("--node", metavar="NAME", help="this node's name in its site, on the record of calls")
    words.add_argument("--line-url", help="https://HOST:PORT at which the clinic reaches this node's --port")
    given = _checked(words)
    key = given.key_file.read_bytes() if given.key_file else secrets.token_bytes(32)
    announce = tuple(
        (one.rpartition(":")[0] or one, int(one.rpartition(":")[2] or 0) if ":" in one else 0) for one in given.announce
    )
    neighbours, tls = _neighbours(given)
    settings = ExchangeSettings(
        key,
        name=given.node or "media",
        neighbours=neighbours,
        udp_host=given.host,
        udp_port=given.udp_port,
        announce=announce,
        journal=given.journal,
        shelf=_shelf(given.recordings, given.recordings_key_file),
        ice_servers=tuple(IceServer((url,)) for url in given.turn_url),
        turn_secret=given.turn_secret_file.read_bytes().strip() if given.turn_secret_file else b"",
        compiled=not given.no_compiled,
    )
    tokens = TokenFile(given.token_file, key, used_beside(given.journal)) if given.token_file else None
    try:
        app = create_app(settings, tokens)
    except OSError as error:
        sys.exit(f"Cannot open UDP port {given.host}:{given.udp_port}: {error.strerror}.")
    if tokens is not None:
        app.router.add_post("/tickets/{room}", tokens.mint)
    loop = uvloop.new_event_loop()
    web.run_app(app, host=given.host, port=given.port, print=None, ssl_context=tls, loop=loop)


def _checked(words: argparse.ArgumentParser) -> argparse.Namespace:
    given = words.parse_args()
    if bool(given.redis) is not bool(given.node):
        words.error("--redis and --node belong together")
    if given.redis and not (given.key_file and given.journal):
        words.error("a node of a site needs --key-file and --journal")
    if given.redis and not NODE_NAME.fullmatch(given.node):
        words.error("--node may hold 40 letters, digits, _ . : and -")
    if given.redis and given.host in ("0.0.0.0", "::") and not given.line_url:  # noqa: S104 - asked for
        words.error("--host names no address: say by --line-url where the clinic reaches this node")
    if bool(given.redis) is bool(given.token_file):
        words.error("give either --token-file or --redis")
    return given


def _neighbours(given: argparse.Namespace) -> tuple[Neighbours | None, ssl.SSLContext | None]:
    if not given.redis:
        return None, None
    tls, fingerprint = self_made(_now())
    host = f"[{given.host}]" if ":" in given.host else given.host
    return Neighbours(given.redis, given.line_url or f"https://{host}:{given.port}", fingerprint.hex()), tls


if __name__ == "__main__":
    main()
