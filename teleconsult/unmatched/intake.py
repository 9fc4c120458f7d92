"""Takes in what came without a case: on a case by itself where that is certain, else it waits for a person.

A scanner sends hundreds of studies in an hour: what came together is asked for and noted together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError

from teleconsult.actor import SYSTEM
from teleconsult.audit.trail import note
from teleconsult.consults.fields import MaterialKind
from teleconsult.consults.models import Consult, Material
from teleconsult.consults.rules import is_open
from teleconsult.consults.service import Consults
from teleconsult.db import Database, Work, new_id
from teleconsult.people.service import People
from teleconsult.unmatched import rules
from teleconsult.unmatched.models import Arrived
from teleconsult.unmatched.ports import Holding, Holdings, Identity
from teleconsult.unmatched.state import How, State

_Listed = type[Arrived] | type[Material]


class Intake:
    """What the archive's bridge tells.

    Args:
        database: Where what waits is listed.
        people: Whose numbers are known.
        consults: The cases.
        holdings: What the archive says of it.
    """

    def __init__(self, database: Database, people: People, consults: Consults, holdings: Holdings) -> None:
        self._database = database
        self._people = people
        self._consults = consults
        self._holdings = holdings

    async def take_in(self, came: Collection[Holding]) -> set[Holding]:
        """These came without a case. Idempotent. Corrections of lab reports are told after what they correct.

        Returns:
            Those that wait now.
        """
        states = await self._states(came)
        waiting = [what for what in dict.fromkeys(came) if states.get(what, State.WAITING) == State.WAITING]
        identities = await self._holdings.identities(waiting)
        certain = await self._certain_cases(identities)
        left = [
            what for what in waiting if what not in identities or not await self._by_itself(what, identities, certain)
        ]
        await self._let_wait([what for what in left if what not in states])
        return set(left)

    async def _states(self, came: Collection[Holding]) -> dict[Holding, str]:
        """What is known of them already; what a case holds is matched."""
        async with self._database.read() as session:
            listed = list(await session.scalars(select(Arrived).where(*_among(Arrived, came))))
            held = list(await session.scalars(select(Material).where(*_among(Material, came))))
        known = {holding_of(row): row.state for row in listed}
        return known | {holding_of(row): State.MATCHED for row in held}

    async def _by_itself(
        self, what: Holding, identities: Mapping[Holding, Identity], certain: Mapping[Holding, str]
    ) -> bool:
        identity = identities[what]
        if identity.corrects and await self._follow(what, identity):
            return True
        return what in certain and await self._link(what, identity, certain[what], How.RECORD_NUMBER)

    async def _follow(self, what: Holding, identity: Identity) -> bool:
        """A correction goes to every case that holds what it corrects; what waited makes room for it."""
        before = Holding(what.institution, what.kind, identity.corrects)
        async with self._database.write(SYSTEM) as work:
            waits = [*_among(Arrived, [before]), Arrived.state == State.WAITING]
            row = await work.session.scalar(select(Arrived).where(*waits))
            if row is not None:
                await work.session.delete(row)
            holding = select(Material.consult_id).where(*_among(Material, [before])).limit(50)
            cases = list(await work.session.scalars(holding))
        linked = [await self._link(what, identity, consult, How.CORRECTION) for consult in cases]
        return any(linked)

    async def _certain_cases(self, identities: Mapping[Holding, Identity]) -> dict[Holding, str]:
        """The only open case of the only patient with the number and the name that the sender says."""
        numbered = {what: said.number.strip() for what, said in identities.items() if said.number.strip()}
        found: dict[Holding, str] = {}
        for institution in {what.institution for what in numbered}:
            those = [what for what in numbered if what.institution == institution]
            patients = await self._people.patients.by_record_numbers(institution, {numbered[what] for what in those})
            for what in those:
                ids = patients.get(numbered[what], ())
                case = await self._only_case(what, identities[what], ids[0]) if len(ids) == 1 else None
                if case is not None:
                    found[what] = case
        return found

    async def _only_case(self, what: Holding, identity: Identity, patient: str) -> str | None:
        view = (await self._people.patients.views([patient]))[patient]
        if not rules.is_certain(identity, view):
            return None
        async with self._database.read() as session:
            asked = select(Consult).where(Consult.patient_id == patient, Consult.institution_id == what.institution)
            running = [row.id for row in await session.scalars(asked.limit(200)) if is_open(row.state)]
        return running[0] if len(running) == 1 else None

    async def _link(self, what: Holding, identity: Identity, consult: str, how: How) -> bool:
        linked = await self._consults.link_arrival(
            consult,
            institution=what.institution,
            kind=what.kind,
            reference=what.reference,
            modalities=identity.modalities,
        )
        if linked:
            # Refused where another process was told of it at the same moment.
            with suppress(IntegrityError):
                await self._matched(what, consult, how)
        return linked

    async def _matched(self, what: Holding, consult: str, how: How) -> None:
        async with self._database.write(SYSTEM) as work:
            row = await work.session.scalar(select(Arrived).where(*_among(Arrived, [what])))
            if row is None:
                row = _new(work, what)
            row.state, row.consult_id, row.how = State.MATCHED, consult, how
            row.settled_at, row.settled_by = work.at, SYSTEM.id
            note(work, f"unmatched.{State.MATCHED}", f"{what.kind}/{what.reference}", detail={"how": how})

    async def _let_wait(self, those: Sequence[Holding]) -> None:
        if not those:
            return
        try:
            async with self._database.write(SYSTEM) as work:
                for what in those:
                    _new(work, what)
                    note(work, f"unmatched.{State.WAITING}", f"{what.kind}/{what.reference}", detail={"how": ""})
        except IntegrityError:
            # Another process was told of some of them at the same moment.
            if len(those) > 1:
                for what in those:
                    await self._let_wait([what])


def _new(work: Work, what: Holding) -> Arrived:
    row = Arrived(
        id=new_id(), institution_id=what.institution, kind=what.kind, reference=what.reference,
        state=State.WAITING, arrived_at=work.at, consult_id=None, settled_at=None,
    )  # fmt: skip
    work.session.add(row)
    return row


def _among(table: _Listed, those: Iterable[Holding]) -> list[ColumnElement[bool]]:
    """Rows of these; of others only where an institution's study and another's have one UID. An index leads there."""
    chosen = list(those)
    return [
        table.institution_id.in_({one.institution for one in chosen}),
        table.kind.in_({one.kind for one in chosen}),
        table.reference.in_({one.reference for one in chosen}),
    ]


def holding_of(row: Arrived | Material) -> Holding:
    """What a row of either table is about."""
    return Holding(row.institution_id, MaterialKind(row.kind), row.reference)
