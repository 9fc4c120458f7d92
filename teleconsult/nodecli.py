"""Commands about media nodes: who they are, how busy, to empty one before it is stopped, the key of those elsewhere."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from teleconsult.config import from_environment

node_cli = typer.Typer(no_args_is_help=True, help="Media processes of this machine and of others.")


@node_cli.command("list")
def list_nodes() -> None:
    """Print the nodes that live: name, rooms, connections, packets a second, whether it is being emptied."""
    typer.echo(asyncio.run(_list()))


@node_cli.command()
def drain(
    name: Annotated[str, typer.Argument(help="As `nodes list` prints it.")],
    move: Annotated[bool, typer.Option("--move", help="Do not wait for its calls to end: move them now.")] = False,
) -> None:
    """Let a node take no new rooms, until it starts again; its calls stay until they end."""
    if not asyncio.run(_drain(name, move=move)):
        typer.echo(f"No node {name} lives.", err=True)
        raise SystemExit(1)


@node_cli.command()
def key(file: Annotated[Path, typer.Argument(help="A new file, for `python -m signaling --key-file`.")]) -> None:
    """Write what a node on another machine shares with this site: guard it like a password."""
    from teleconsult.bridges.agreed import ticket_key

    shared = ticket_key(from_environment())
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(shared)
    except OSError as error:
        typer.echo(f"{file}: {error.strerror}", err=True)
        raise SystemExit(2) from None


async def _list() -> str:
    from teleconsult.bridges.site import site_places
    from teleconsult.clock import SystemClock

    async with site_places(from_environment(), SystemClock()) as places:
        living = [standing for _, standing in await places.living()]
    rows = [
        f"{one.name:<24} {one.rooms:>5} {one.peers:>6} {one.packets_s:>8}{'  draining' if one.draining else ''}"
        for one in living
    ]
    return "\n".join([f"{'node':<24} {'rooms':>5} {'peers':>6} {'packets':>8}", *rows])


async def _drain(name: str, *, move: bool) -> bool:
    from teleconsult.bridges.site import site_places
    from teleconsult.clock import SystemClock

    async with site_places(from_environment(), SystemClock()) as places:
        for node in await places.nodes():
            if node.name == name:
                await node.tell("/control/drain?move" if move else "/control/drain", {})
                return True
    return False
