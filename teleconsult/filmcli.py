"""Commands about films: teaching copies, room for new ones. The archive does the work and is imported on need."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_store.deidentify.profile import Dates, Options
from teleconsult.config import Settings, from_environment

if TYPE_CHECKING:
    from dicom_store.archive import Archive

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
    sweep_days: Annotated[
        int | None,
        typer.Option(help="Also remove packs from the object storage that no film names and that are so old.", min=1),
    ] = None,
) -> None:
    """Give the room of deleted films back; may run beside the server, best at night."""
    age = None if sweep_days is None else timedelta(days=sweep_days)
    typer.echo(asyncio.run(_compact(from_environment(), timedelta(seconds=grace), age)))


async def _compact(settings: Settings, grace: timedelta, sweep_age: timedelta | None) -> str:
    from dicom_store.archive import open_archive
    from dicom_store.storage.compactor import Compactor
    from dicom_store.storage.packbook import PackBook
    from teleconsult.bridges.settings import archive_settings
    from teleconsult.clock import SystemClock

    clock = SystemClock()
    async with open_archive(archive_settings(settings, settings.vault(), clock)) as archive:
        done = await Compactor(archive.blobs, PackBook(archive.index), grace).run()
        swept = "" if sweep_age is None else await _sweep(archive, clock.now(), sweep_age)
    text = f"{done.freed_bytes / 1e6:.1f} MB freed: {done.packs} packs went, {done.films} films moved.{swept}"
    return f"{text} {done.damaged} packs are damaged: see the log." if done.damaged else text


async def _sweep(archive: "Archive", now: datetime, age: timedelta) -> str:
    from dicom_store.storage.packbook import PackBook
    from dicom_store.storage.sweep import sweep

    nothing = " On a disk there is nothing to sweep."
    if archive.settings.blob_url is None:
        return nothing
    # Only a site with an object storage has what speaks to one.
    from dicom_store.storage.bucket import Bucket

    place = archive.blobs.place
    if not isinstance(place, Bucket):
        return nothing
    done = await sweep(place, archive.blobs, PackBook(archive.index), now, age)
    if done.refused:
        return " Nothing was swept: most packs in the storage are unknown to this index. Was it restored from a backup?"
    return f" {done.packs} packs without films were swept, {done.freed_bytes / 1e6:.1f} MB."
