"""`Unmatched`: what waits for a case, for people: proposing whose it is, matching it and undoing that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.actor import Actor, Permission
from teleconsult.audit.trail import Witness, note
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.models import Consult, Material
from teleconsult.consults.service import Consults
from teleconsult.consults.views import RowView
from teleconsult.consults.worklist import Filter, Which
from teleconsult.db import Database
from teleconsult.errors import NotFound
from teleconsult.people.rights import need
from teleconsult.people.service import People
from teleconsult.people.views import PatientView
from teleconsult.unmatched import rules
from teleconsult.unmatched.intake import holding_of
from teleconsult.unmatched.models import Arrived
from teleconsult.unmatched.ports import Holdings, Identity
from teleconsult.unmatched.state import How, State

_PAGE = 10  # each brings the list of cases it may belong to: more would be slow on a thin line
_MOST_PROPOSED = 3
_MOST_SETTLED = 10


@dataclass(frozen=True, slots=True)
class Proposal:
    """A case that an arrival may belong to.

    Attributes:
        differs: What does not fit: words of `rules.differs`.
    """

    case: RowView
    differs: Sequence[str]


@dataclass(frozen=True, slots=True)
class ArrivedView:
    """Something that came, for showing.

    Attributes:
        identity: As its sender says, None while the archive does not answer for it.
        proposals: Open cases that fit, the best first.
        known: Patients of the institution who fit and have no open case.
        consult_number: Of the case that holds it now.
    """

    id: str
    kind: MaterialKind
    reference: str
    state: State
    arrived_at: datetime
    identity: Identity | None
    proposals: Sequence[Proposal] = ()
    known: Sequence[PatientView] = ()
    consult_id: str = ""
    consult_number: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page of what waits.

    Attributes:
        settled: What was matched or put aside lately, to be undone.
        cases: Every open case that the actor may add to, for choosing by hand.
        cursor: "" at the end.
    """

    items: Sequence[ArrivedView]
    settled: Sequence[ArrivedView]
    cases: Sequence[RowView]
    cursor: str


class Unmatched:
    """What waits for a case.

    Args:
        database: Where it is listed.
        people: Whose numbers and names are known.
        consults: The cases.
        holdings: What the archive says of it.
        witness: Notes who reads.
    """

    def __init__(
        self, database: Database, people: People, consults: Consults, holdings: Holdings, witness: Witness
    ) -> None:
        self._database = database
        self._people = people
        self._consults = consults
        self._holdings = holdings
        self._witness = witness

    # what people do

    async def count(self, actor: Actor) -> int:
        """How many wait at the actor's institution."""
        need(actor, Permission.UNMATCHED_READ)
        async with self._database.read() as session:
            return await session.scalar(select(func.count()).select_from(_listed(actor, State.WAITING).subquery())) or 0

    async def waiting(self, actor: Actor, cursor: str = "") -> Waiting:
        """What waits at the actor's institution, the newest first; that it was read is noted.

        Raises:
            NotAllowed: Not theirs to match.
            Unavailable: The reading cannot be noted.
        """
        need(actor, Permission.UNMATCHED_READ)
        asked = _listed(actor, State.WAITING)
        if cursor:
            asked = asked.where(Arrived.id < cursor)
        settled = select(Arrived).where(
            Arrived.institution_id == actor.institution, Arrived.state != State.WAITING
        )  # fmt: skip
        async with self._database.read() as session:
            rows = list(await session.scalars(asked.order_by(Arrived.id.desc()).limit(_PAGE + 1)))
            done = list(await session.scalars(settled.order_by(Arrived.settled_at.desc()).limit(_MOST_SETTLED)))
            numbers = await _numbers(session, done)
        more, rows = len(rows) > _PAGE, rows[:_PAGE]
        await self._witness.read_all(actor, "unmatched.read", [(f"{row.kind}/{row.reference}", "") for row in rows])
        identities = await self._holdings.identities([holding_of(row) for row in [*rows, *done]])
        cases = await self._open_cases(actor)
        return Waiting(
            items=[await self._view(actor, row, identities.get(holding_of(row)), cases) for row in rows],
            settled=[_settled(row, identities.get(holding_of(row)), numbers) for row in done],
            cases=cases,
            cursor=rows[-1].id if more else "",
        )

    async def match(self, actor: Actor, arrived: str, consult: str) -> None:
        """Put an arrival on a case.

        Raises:
            NotFound: The arrival or the case is not there, or not for them.
            StepRefused: The case is at its end.
        """
        row = await self._row(actor, arrived)
        kind = {"study_uid": row.reference} if row.kind == MaterialKind.STUDY else {"lab_report_id": row.reference}
        await self._consults.attach(actor, consult, **kind)
        await self._settle(actor, arrived, State.MATCHED, consult)

    async def put_aside(self, actor: Actor, arrived: str) -> None:
        """Say that an arrival belongs to no case: a test film, a phantom. Raises NotFound."""
        await self._row(actor, arrived)
        await self._settle(actor, arrived, State.ASIDE, None)

    async def undo(self, actor: Actor, arrived: str) -> None:
        """Let it wait again; a film is taken off the case it was wrongly put on.

        Raises:
            NotFound: Not there, or not for them.
            StepRefused: The opinion is signed: what it was based on stays on record.
        """
        row = await self._row(actor, arrived)
        if row.state == State.MATCHED and row.consult_id is not None:
            kind = MaterialKind(row.kind)
            await self._consults.unlink(actor, row.consult_id, kind=kind, reference=row.reference)
        await self._settle(actor, arrived, State.WAITING, None)

    async def _settle(self, actor: Actor, arrived: str, state: State, consult: str | None) -> None:
        async with self._database.write(actor) as work:
            row = await work.session.get(Arrived, arrived, with_for_update=True)
            if row is None:
                raise NotFound
            row.state, row.consult_id = state, consult
            row.how = How.HAND if consult else ""
            row.settled_at, row.settled_by = (None, "") if state is State.WAITING else (work.at, actor.id)
            note(work, f"unmatched.{state}", f"{row.kind}/{row.reference}", detail={"consult": consult or ""})

    async def _row(self, actor: Actor, arrived: str) -> Arrived:
        need(actor, Permission.UNMATCHED_READ)
        need(actor, Permission.MATERIAL_WRITE)
        async with self._database.read() as session:
            row = await session.get(Arrived, arrived)
        if row is None or row.institution_id != actor.institution:
            raise NotFound
        return row

    async def _open_cases(self, actor: Actor) -> Sequence[RowView]:
        if not actor.may(Permission.CONSULT_READ) or not actor.may(Permission.MATERIAL_WRITE):
            return ()
        page = await self._consults.worklist(actor, Filter(which=Which.OPEN))
        return [row for row in page.items if row.institution.id == actor.institution]

    async def _view(
        self, actor: Actor, row: Arrived, identity: Identity | None, cases: Sequence[RowView]
    ) -> ArrivedView:
        proposals = _proposals(identity, cases) if identity else []
        known: list[PatientView] = []
        if identity and not proposals and actor.may(Permission.PATIENT_READ):
            known = await self._known(actor, identity)
        return ArrivedView(
            row.id, MaterialKind(row.kind), row.reference, State(row.state), row.arrived_at, identity, proposals, known
        )

    async def _known(self, actor: Actor, identity: Identity) -> list[PatientView]:
        words = [word for word in (identity.number.strip(), *identity.names) if word][:2]
        found = {one.id: one for word in words for one in await self._people.find_patients(actor, word)}
        fitting = sorted(found.values(), key=lambda one: -rules.likeness(identity, one))
        return [one for one in fitting if rules.likeness(identity, one) >= rules.ENOUGH][:_MOST_PROPOSED]


def _proposals(identity: Identity, cases: Sequence[RowView]) -> list[Proposal]:
    scored = [(rules.likeness(identity, row.patient), row) for row in cases if row.patient is not None]
    best = sorted((pair for pair in scored if pair[0] >= rules.ENOUGH), key=lambda pair: -pair[0])
    return [
        Proposal(row, rules.differs(identity, row.patient)) for _, row in best[:_MOST_PROPOSED] if row.patient
    ]  # fmt: skip


def _settled(row: Arrived, identity: Identity | None, numbers: dict[str, str]) -> ArrivedView:
    consult = row.consult_id or ""
    return ArrivedView(
        row.id, MaterialKind(row.kind), row.reference, State(row.state), row.arrived_at, identity,
        consult_id=consult, consult_number=numbers.get(consult, ""), how=row.how,
    )  # fmt: skip


async def _numbers(session: AsyncSession, rows: Sequence[Arrived]) -> dict[str, str]:
    ids = {row.consult_id for row in rows if row.consult_id}
    found = await session.execute(select(Consult.id, Consult.number).where(Consult.id.in_(ids)))
    return {row.id: row.number for row in found}


def _listed(actor: Actor, state: State) -> Select[Arrived]:
    held = exists().where(
        Material.institution_id == Arrived.institution_id,
        Material.kind == Arrived.kind,
        Material.reference == Arrived.reference,
    )
    return select(Arrived).where(
        Arrived.institution_id == actor.institution, Arrived.state == state, ~held
    )  # fmt: skip
