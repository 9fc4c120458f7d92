"""The one way a consult changes its state: find, judge, carry out, write down; all in one transaction.

State, version, entry, audit row, event and timer stand or fall together. What a single move does beside that is in
`effects`; the table says where it leads.
"""

from typing import Any

from teleconsult.actor import SYSTEM, Actor, ConsultId
from teleconsult.consults.effects import EFFECTS, Step
from teleconsult.consults.events import ConsultMoved
from teleconsult.consults.fields import MoveFields
from teleconsult.consults.levels import enter_level
from teleconsult.consults.models import Consult
from teleconsult.consults.office import (
    Found,
    Happening,
    Office,
    facts_of,
    find,
    note,
    offers_of,
    set_clock,
    write_entry,
)
from teleconsult.consults.ports import ReportMoves
from teleconsult.consults.rules import Facts, Offer, conditions, missing, moves_for
from teleconsult.consults.state import ENDS_OF_LIFE, Move, Party, Room, State
from teleconsult.consults.table import Row, row_for
from teleconsult.db import Work
from teleconsult.errors import FieldsRefused, Stale, StepRefused
from teleconsult.events import record
from teleconsult.http.bodies import N_

_BEFORE_TARGET = frozenset({State.DRAFT, State.APPROVAL})
_REFUSED = N_("This cannot be done now. Look at the present state first.")


async def move(office: Office, reports: ReportMoves | None, actor: Actor, consult_id: str, given: MoveFields) -> None:
    """Make a move for somebody.

    Raises:
        NotFound: Not there, or not for them.
        Stale: They looked at an older version.
        StepRefused: Not this move, not now, or not by them; carries what they may do.
        FieldsRefused: Something that the move needs is not given.
    """
    async with office.database.write(actor) as work:
        found = await find(work.session, actor, consult_id, lock=True)
        facts = await facts_of(office, work.session, found.consult)
        offers = moves_for(found.consult, found.parties, facts, work.at)
        if found.consult.version != given.version:
            raise Stale(current=found.consult.version, moves=offers)
        offer = _offer(offers, given)
        if offer.room is Room.CONSULTS:
            await step(office, work, found, given, facts)
            return
    if reports is None:
        raise StepRefused("This is done in the report: open it there.", moves=offers, code="done_in_report")
    await reports.make_move(
        actor,
        ConsultId(consult_id),
        given.move,
        given.version,
        password=given.password.get_secret_value(),
        reason=given.reason,
    )


async def move_in(office: Office, work: Work, consult_id: str, given: MoveFields) -> Consult:
    """Make a move inside of another room's transaction, as its actor; the version is that room's to judge.

    Raises:
        NotFound, StepRefused, FieldsRefused: As `move`.
    """
    found = await find(work.session, work.actor, consult_id, lock=True)
    facts = await facts_of(office, work.session, found.consult)
    _offer(moves_for(found.consult, found.parties, facts, work.at), given)
    await step(office, work, found, given, facts)
    return found.consult


async def move_by_system(office: Office, consult_id: str, wanted: Move, **needs: Any) -> bool:
    """Let the house make a move, if it is still one. Returns whether it was made."""
    async with office.database.write(SYSTEM) as work:
        found = await find(work.session, SYSTEM, consult_id, lock=True)
        if wanted not in {offer.move for offer in await offers_of(office, work.session, found)}:
            return False
        await move_in(office, work, consult_id, MoveFields(move=wanted, version=found.consult.version, **needs))
        return True


def _offer(offers: tuple[Offer, ...], given: MoveFields) -> Offer:
    offer = next((offer for offer in offers if offer.move is given.move), None)
    if offer is None:
        raise StepRefused(_REFUSED, moves=offers)
    errors = missing(offer.needs, given.given()) if offer.room is Room.CONSULTS else {}
    if errors:
        raise FieldsRefused(errors)
    return offer


async def step(office: Office, work: Work, found: Found, given: MoveFields, facts: Facts) -> None:
    """Carry one move out; it was judged before, and the table judges it once more."""
    consult, source = found.consult, found.consult.state
    party, row = _row(found, given.move, facts, work)
    told = dict(await EFFECTS[given.move](Step(office, work, consult, given, party, row, facts)))
    if source in _BEFORE_TARGET and row.target not in _BEFORE_TARGET | ENDS_OF_LIFE and not consult.levels:
        await enter_level(office, work, consult, consult.target_institution_id or "")
    _turn_clock(consult, row, work)
    consult.state = row.target
    consult.version += 1
    consult.changed_at = work.at
    if row.target in ENDS_OF_LIFE:
        _everybody_leaves(consult, work)
    await set_clock(office, work, consult)
    write_entry(office, work, consult, Happening("move", told, party, given.move, source, row.target))
    note(work, given.move, consult, source=source, target=row.target)
    record(
        work,
        ConsultMoved(
            consult.id,
            consult.number,
            given.move,
            source,
            row.target,
            consult.version,
            work.actor.id,
            consult.institution_id,
            consult.target_institution_id or "",
            consult.priority,
        ),
    )
    work.after_commit(office.on_commit)


def _row(found: Found, wanted: Move, facts: Facts, work: Work) -> tuple[Party, Row]:
    held = conditions(found.consult, facts, work.at)
    for party in Party:
        if party in found.parties:
            try:
                return party, row_for(found.consult.state, wanted, party, held)
            except StepRefused:
                continue
    raise StepRefused(_REFUSED, moves=moves_for(found.consult, found.parties, facts, work.at))


def _turn_clock(consult: Consult, row: Row, work: Work) -> None:
    if row.target is not row.source:
        consult.state_since = work.at
    if row.move is Move.REOPEN:
        consult.clock_began_at, consult.paused_seconds = work.at, 0
    elif consult.clock_began_at is None and row.target not in _BEFORE_TARGET | ENDS_OF_LIFE:
        consult.clock_began_at = work.at
    if row.target is State.RETURNED:
        consult.paused_at = work.at
    elif row.source is State.RETURNED and consult.paused_at is not None:
        consult.paused_seconds += int((work.at - consult.paused_at).total_seconds())
        consult.paused_at = None


def _everybody_leaves(consult: Consult, work: Work) -> None:
    # What has ended without an opinion is no longer open to those who were asked.
    for seat in consult.seats:
        if seat.left_at is None:
            seat.left_at = work.at
