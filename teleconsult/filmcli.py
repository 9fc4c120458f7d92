"""Commands about films: teaching copies, room for new ones. The archive does the work and is imported on need."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from dicom_store.deidentify.profile import Dates, Options
from teleconsult.config import Settings, from_environment

film_cli = typer.Typer()


@film_cli.command()
def deidentify(  # noqa: PLR0913, PLR0917  one for each option of the standard; typer calls it by name
    source: Annotated[Path, typer.Argument(exists=True, help="A film, or a folder of films.")],
    target: Annotated[Path, typer.Argument(file_okay=False, help="Folder for the copies.")],
    secret: Annotated[Path | None, typer.Option(help="File that keeps new names the same in later runs.")] = None,
    dates: Annotated[Dates, typer.Option(help="What becomes of dates.")] = Dates.REMOVE,
    keep_uids: Annotated[bool, typer.Option("--keep-uids")] = False,
    keep_device: Annotated[bool, typer.Option("--keep-device")] = False,
    keep_institution: Annotated[bool, typer.Option("--keep-institution")] = False,
    keep_characteristics: Annotated[bool, typer.Option("--keep-characteristics", help="Sex, age, size.")] = False,
    looked_at: Annotated[
        bool, typer.Option("--looked-at", help="You have seen that no picture shows a name or a face.")
    ] = False,
) -> None:
    """Teaching copies of films, without the patient (DICOM PS3.15 annex E); status 1 if one has no copy."""
    from dicom_store.deidentify.folder import copies, secret_of
    from dicom_store.deidentify.values import Names

    options = Options(dates, keep_uids, keep_device, keep_institution, keep_characteristics)
    names = Names(secret_of(secret))
    made = failed = 0
    for fate in copies(source, target, names, options, looked_at=looked_at):
        if fate.copy is not None:
            made += 1
        else:
            failed += 1
            typer.echo(f"{fate.source}: {fate.reason}", err=True)
    typer.echo(f"{made} copied, {failed} not.")
    raise SystemExit(1 if failed else 0)


@film_cli.command("compact-films")
def compact_films(
    grace: Annotated[float, typer.Option(help="Seconds for which those who read keep what they read.", min=0)] = 60,
) -> None:
    """Give the room of deleted films back; may run beside the server, best at night."""
    typer.echo(asyncio.run(_compact(from_environment(), timedelta(seconds=grace))))


async def _compact(settings: Settings, grace: timedelta) -> str:
    from dicom_store.archive import open_archive
    from dicom_store.storage.compactor import Compactor
    from dicom_store.storage.packbook import PackBook
    from teleconsult.bridges.settings import archive_settings
    from teleconsult.clock import SystemClock

    async with open_archive(archive_settings(settings, settings.vault(), SystemClock())) as archive:
        done = await Compactor(archive.blobs, PackBook(archive.index), grace).run()
    text = f"{done.freed_bytes / 1e6:.1f} MB freed: {done.packs} packs went, {done.films} films moved."
    return f"{text} {done.damaged} packs are damaged: see the log." if done.damaged else text
