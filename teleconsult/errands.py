"""What the command line does on a site's data: each opens what it needs, does one thing, closes it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from teleconsult.access.service import Access
from teleconsult.actor import SYSTEM
from teleconsult.app import ANCHORS
from teleconsult.audit.seal import verify
from teleconsult.clock import SystemClock
from teleconsult.config import Settings, SettingsRefused
from teleconsult.consults.table import TABLE, Row
from teleconsult.db import Database
from teleconsult.deadlines.rules import Calendar, Policy
from teleconsult.deadlines.service import Deadlines
from teleconsult.errors import FieldsRefused, NotFound, Refused
from teleconsult.migrations import current, newest
from teleconsult.people.service import People
from teleconsult.people.state import InstitutionKind, Role
from teleconsult.people.views import UserFields
from teleconsult.reports.checker import Checker
from teleconsult.reports.signing import open_signer
from teleconsult.stations.service import StationFields, Stations


async def create_admin(settings: Settings, login: str, name: str, institution: str, password: str) -> str:
    """Make an administrator, and the institution if there is none of this name; a line for the console."""
    async with opened(settings) as database:
        people = People(database, settings.vault())
        access = Access(database, people)
        known = {one.name: one.id for one in await people.institutions()}
        if institution not in known:
            made = await people.add_institution(SYSTEM, institution, InstitutionKind.COUNTY)
            known[institution] = made.id
        user = await people.add_user(SYSTEM, UserFields(login, name))
        for role in (Role.ADMINISTRATOR, Role.COORDINATOR):
            await people.add_membership(SYSTEM, user.id, known[institution], role)
        await access.set_password(SYSTEM, user.id, password)
    return f"{login} may log in now and add the others."


async def create_token(settings: Settings, login: str, label: str) -> str:
    """Make a bearer token for a person."""
    async with opened(settings) as database:
        people = People(database, settings.vault())
        try:
            user = await people.user_by_login(login)
        except NotFound:
            raise SettingsRefused(f"Nobody has the log-in name {login}.") from None
        return await Access(database, people).make_token(SYSTEM, user.id, label)


async def add_station(
    settings: Settings, institution: str, aet: str, host: str, port: int | None, label: str
) -> str:  # fmt: skip
    """Register a machine; a line for the console."""
    async with _stations(settings) as (stations, people):
        known = await people.institutions()
        place = next((one for one in known if institution in (one.id, one.name)), None)
        if place is None:
            raise SettingsRefused(f"There is no institution {institution}.")
        made = await stations.add(SYSTEM, place.id, StationFields(aet, host, port, label))
    return f"{made.name} at {made.network} now sends for {place.name}. Its id is {made.id}."


async def list_stations(settings: Settings) -> str:
    """The machines, one a line."""
    async with _stations(settings) as (stations, people):
        found = await stations.listed(SYSTEM)
        names = await people.names({one.institution for one in found})
    lines = [
        f"{one.id}  {one.name:<16}  {one.network + (f':{one.port}' if one.port else ''):<24}  {names[one.institution]}"
        for one in found
    ]
    return "\n".join(lines) or "No machine is registered."


async def remove_station(settings: Settings, station: str) -> str:
    """Take a machine off."""
    async with _stations(settings) as (stations, _):
        await stations.remove(SYSTEM, station)
    return "The machine is taken off; what it sent stays."


@asynccontextmanager
async def _stations(settings: Settings) -> AsyncIterator[tuple[Stations, People]]:
    async with opened(settings) as database:
        yield Stations(database), People(database, settings.vault())


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The clinic's records, in this version's shape; what is refused becomes one line for the console."""
    database = Database(settings.clinic_database_url, SystemClock())
    try:
        if await _version(database) != newest():
            raise SettingsRefused("The database is not of this version: run `teleconsult migrate` first.")
        yield database
    except FieldsRefused as error:
        raise SettingsRefused(" ".join(error.errors.values())) from None
    except Refused as error:
        raise SettingsRefused(error.message) from None
    finally:
        await database.close()


async def _version(database: Database) -> str | None:
    file = database.engine.url.database
    there = file is not None and await asyncio.to_thread(os.path.exists, file)
    if database.is_sqlite and not there:
        return None
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(current)
    except (SQLAlchemyError, OSError):
        return None


async def deadlines(settings: Settings) -> str:
    """What will be told next, soonest first, one a line; times as the site's clocks show them."""
    zone = ZoneInfo(settings.time_zone)
    async with opened(settings) as database:
        timers = await Deadlines(database, Policy(Calendar(zone))).upcoming()
    lines = [
        f"{_moment(timer.next_at, zone)}  {timer.word:<12}  due {_moment(timer.due_at, zone)}  {timer.subject}"
        for timer in timers
    ]
    return "\n".join(lines) or "No clock is running."


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "-"


async def verify_audit(settings: Settings) -> tuple[bool, str]:
    """Walk the audit's chain: whether it is whole, and what to print."""
    async with opened(settings) as database:
        verdict = await verify(database, settings.vault(), settings.data_dir / ANCHORS)
    lines = [f"{verdict.rows} rows, {verdict.sealed} sealed, {verdict.unsealed} wait for their seal."]
    if verdict.first_bad is not None:
        lines.append(f"Row {verdict.first_bad} is not as it was sealed: {verdict.reason}.")
    elif not verdict.sound:
        lines.append(f"The chain is broken: {verdict.reason}.")
    if verdict.gaps:
        lines.append(f"Missing numbers: {', '.join(map(str, verdict.gaps))}.")
    return verdict.sound, "\n".join(
        [*lines, "The audit is whole." if verdict.sound else "The audit was tampered with."]
    )


def verify_report(settings: Settings | None, file: Path, ca: Path | None) -> tuple[bool, str]:
    """Check a signed opinion against a CA's certificate, or this site's own."""
    if ca is not None:
        authority = ca.read_bytes()
    elif settings is not None:
        clock = SystemClock()
        authority = open_signer(settings.data_dir / "signing", settings.vault(), clock, "Teleconsult").authority
    else:
        raise SettingsRefused("Give the site's CA certificate with --ca.")
    verdict = asyncio.run(Checker(authority).check(file.read_bytes()))
    if not verdict.genuine:
        return False, f"NOT genuine: {verdict.reason}."
    return True, f"Genuine: {verdict.number} version {verdict.version}, signed {verdict.signed_at:%Y-%m-%d %H:%M} UTC."


def states(*, markdown: bool) -> str:
    """The consult's table of states and moves, as text or Markdown."""
    head = ("move", "from", "to", "who", "needs")
    rows = [_row(row) for row in TABLE]
    if markdown:
        lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
        title = "# States and moves of a consult\n\nMade by `teleconsult states --markdown`; do not edit.\n\n"
        return title + "\n".join(f"| {line} |" for line in lines)
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)
    )


def _row(row: Row) -> tuple[str, ...]:
    by = ", ".join(sorted(row.by))
    needs = ", ".join(need.name for need in row.needs)
    return (row.move, row.source, row.target, by, needs)
