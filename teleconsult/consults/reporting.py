"""What the reports room does to a consult, inside of its own transaction: the moves that an opinion makes."""

from collections.abc import Callable

from teleconsult.actor import SYSTEM
from teleconsult.consults.fields import MoveFields
from teleconsult.consults.models import Consult
from teleconsult.consults.moving import step
from teleconsult.consults.office import Found, Office, facts_of, find, offers_of
from teleconsult.consults.rules import moves_for
from teleconsult.consults.state import Move, Party, State
from teleconsult.db import Work
from teleconsult.errors import Stale, StepRefused
from teleconsult.http.bodies import N_

_REFUSED = N_("This cannot be done now. Look at the present state first.")


async def may_write(office: Office, work: Work, consult_id: str) -> Consult:
    """The consult, where the actor may write its opinion now; one that was accepted begins to be reported.

    Raises:
        NotFound: Not there, or not for them.
        StepRefused: It is not theirs to write, or not the time.
    """
    found = await find(work.session, work.actor, consult_id, lock=True)
    consult = found.consult
    if consult.state is State.REPORTING and Party.SPECIALIST in found.parties:
        return consult
    await _join(office, work, found, Move.BEGIN_REPORT)
    return consult


async def send_to_audit(office: Office, work: Work, consult_id: str, version: int | None) -> Consult:
    """The author hands the opinion to a second pair of eyes."""

    def mark(consult: Consult) -> None:
        consult.author_id = work.actor.id

    found = await _found(office, work, consult_id, version)
    await _join(office, work, found, Move.SUBMIT_FOR_AUDIT, mark=mark)
    return found.consult


async def refuse_audit(office: Office, work: Work, consult_id: str, version: int | None, reason: str) -> Consult:
    """The auditor gives it back."""
    found = await _found(office, work, consult_id, version)
    await _join(office, work, found, Move.REJECT_AUDIT, reason)
    return found.consult


async def record_report(
    office: Office, work: Work, consult_id: str, version: int | None, report_version: int
) -> Consult:
    """The opinion is signed by the actor and delivered at once; the two are one transaction with its own rows."""

    def mark(consult: Consult) -> None:
        if consult.state is State.REPORTING or consult.author_id is None:
            consult.author_id = work.actor.id
        consult.signer_id = work.actor.id
        consult.report_version = report_version

    found = await _found(office, work, consult_id, version)
    await _join(office, work, found, Move.SIGN, mark=mark)
    house = Work(work.session, SYSTEM, work.at)
    await _join(office, house, Found(found.consult, frozenset({Party.SYSTEM}), found.last_level), Move.DELIVER)
    work.after_commit(house.committed)
    return found.consult


async def record_amendment(
    office: Office, work: Work, consult_id: str, version: int | None, report_version: int, reason: str
) -> Consult:
    """The signer has signed a new version; the requester is told and answers anew."""

    def mark(consult: Consult) -> None:
        consult.report_version = report_version

    found = await _found(office, work, consult_id, version)
    await _join(office, work, found, Move.AMEND, reason, mark)
    return found.consult


async def _found(office: Office, work: Work, consult_id: str, version: int | None) -> Found:
    found = await find(work.session, work.actor, consult_id, lock=True)
    if version is not None and found.consult.version != version:
        raise Stale(current=found.consult.version, moves=await offers_of(office, work.session, found))
    return found


async def _join(
    office: Office,
    work: Work,
    found: Found,
    wanted: Move,
    reason: str = "",
    mark: Callable[[Consult], None] = lambda _: None,
) -> None:
    facts = await facts_of(office, work.session, found.consult)
    offers = moves_for(found.consult, found.parties, facts, work.at)
    if wanted not in {offer.move for offer in offers}:
        raise StepRefused(_REFUSED, moves=offers)
    # Marked before the step is taken, so that its entry tells the version; undone with the transaction if it fails.
    mark(found.consult)
    await step(office, work, found, MoveFields(move=wanted, version=found.consult.version, reason=reason), facts)
