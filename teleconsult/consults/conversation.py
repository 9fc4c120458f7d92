"""What people write to each other about a case, and the case's one order of time."""

from dataclasses import dataclass

from sqlalchemy import case, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.consults.events import MessagePosted
from teleconsult.consults.lookups import names_of
from teleconsult.consults.models import Entry, ReadMark
from teleconsult.consults.office import Happening, Office, find, note, offers_of, write_entry
from teleconsult.consults.rules import is_open
from teleconsult.consults.state import Party, State
from teleconsult.consults.views import EntryPage, EntryView
from teleconsult.db import Work
from teleconsult.errors import FieldsRefused, NotAllowed, StepRefused
from teleconsult.events import record

TEXT_MOST = 4000
_PAGE = 200
_NO_WRITERS = frozenset({Party.OBSERVER})


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that was taken."""

    number: int
    message_number: int


async def post(office: Office, actor: Actor, consult_id: str, text: str) -> Posted:
    """Write into the conversation.

    Raises:
        NotFound: Not there, or not for this person.
        NotAllowed: They may read but not write.
        StepRefused: The consult is a draft, or at its end.
        FieldsRefused: Empty or too long.
    """
    words = text.strip()
    if not words:
        raise FieldsRefused({"text": "Please write something."})
    if len(words) > TEXT_MOST:
        raise FieldsRefused({"text": "Please shorten this to 4,000 characters, or send it in parts."})
    async with office.database.write(actor) as work:
        return await add(office, work, consult_id, {"text": words})


async def add(office: Office, work: Work, consult_id: str, body: dict[str, str]) -> Posted:
    """A message, inside of a transaction.

    Raises:
        NotFound: Not there, or not for this person.
        NotAllowed: They may read but not write.
        StepRefused: The consult is a draft, or at its end.
    """
    actor = work.actor
    found = await find(work.session, actor, consult_id, lock=True)
    consult = found.consult
    if found.parties <= _NO_WRITERS or not actor.may(Permission.MESSAGE_WRITE):
        raise NotAllowed
    if consult.state is State.DRAFT or not is_open(consult.state):
        raise StepRefused(
            "Messages can be written from sending the request until it is closed.",
            moves=await offers_of(office, work.session, found),
            code="conversation_closed",
        )
    consult.message_count += 1
    said = Happening("message", body, _first(found.parties), message_number=consult.message_count)
    entry = write_entry(office, work, consult, said)
    await _mark(office, work, consult_id, consult.message_count)
    note(work, "message", consult)
    record(work, MessagePosted(consult.id, consult.number, consult.message_count, actor.id))
    work.after_commit(office.on_commit)
    return Posted(entry.number, consult.message_count)


async def mark_seen(office: Office, actor: Actor, consult_id: str, seen: int) -> None:
    """Note how many messages somebody has seen; it never goes back."""
    async with office.database.write(actor) as work:
        found = await find(work.session, actor, consult_id)
        if actor.kind is ActorKind.STAFF:
            await _mark(office, work, consult_id, min(seen, found.consult.message_count))


async def _mark(office: Office, work: Work, consult_id: str, seen: int) -> None:
    if work.actor.kind is not ActorKind.STAFF:
        return
    insert = sqlite.insert if office.database.is_sqlite else postgresql.insert
    new = insert(ReadMark).values(user_id=work.actor.id, consult_id=consult_id, seen=max(0, seen))
    more = case((new.excluded.seen > ReadMark.seen, new.excluded.seen), else_=ReadMark.seen)
    await work.session.execute(new.on_conflict_do_update(index_elements=["user_id", "consult_id"], set_={"seen": more}))


async def timeline(office: Office, actor: Actor, consult_id: str, after: int = 0, kind: str | None = None) -> EntryPage:
    """All that happened, oldest first, 200 at a time; or messages only.

    Args:
        office: The room's dependencies.
        actor: Who reads; who passed the request on sees their own part of it.
        consult_id: Which.
        after: Number of the last entry they have.
        kind: Only `message`, `move` or `material`.
    """
    async with office.database.read() as session:
        found = await find(session, actor, consult_id)
        held = [Entry.consult_id == consult_id, Entry.number > after, Entry.level <= found.last_level]
        if kind:
            held.append(Entry.kind == kind)
        rows = list(await session.scalars(select(Entry).where(*held).order_by(Entry.number).limit(_PAGE + 1)))
        items = await _views(office, session, actor, rows[:_PAGE])
        patient = found.consult.patient_id or ""
    await office.witness.read(actor, "consult.read", f"consults/{consult_id}", patient)
    return EntryPage(items, rows[_PAGE - 1].number if len(rows) > _PAGE else None)


async def _views(office: Office, session: AsyncSession, actor: Actor, rows: list[Entry]) -> tuple[EntryView, ...]:
    bodies = [office.sealing.body(row) for row in rows]
    mentioned = {found for row in rows for found in (row.actor_id, row.institution_id)}
    for body in bodies:
        mentioned |= {value for name, value in body.items() if name.endswith("_id") and isinstance(value, str)}
    names = await names_of(session, mentioned)
    views = []
    for row, body in zip(rows, bodies, strict=True):
        text = str(body.pop("text", ""))
        for name in [name for name in body if name.endswith("_id")]:
            body[name.removesuffix("_id") + "_name"] = names.named(str(body[name])).name
        views.append(
            EntryView(
                row.number,
                row.kind,
                row.at,
                names.named(row.actor_id),
                names.named(row.institution_id),
                row.actor_id == actor.id,
                row.party or "",
                row.move or "",
                row.source or "",
                row.target or "",
                row.message_number,
                text,
                body,
            )
        )
    return tuple(views)


def _first(parties: frozenset[Party]) -> Party | None:
    return next((party for party in Party if party in parties), None)
