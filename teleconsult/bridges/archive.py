"""The archive's Gatekeeper: who in the clinic may touch which films and lab reports, and that it is written down.

A requesting doctor sees what their own institution holds; everybody else reaches films only through consults.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from dicom_store import errors as archive_errors
from dicom_store.model import InstitutionId, Origin, StudyKey, StudyUID
from dicom_store.ports import Action, Caller, Credentials, Scope
from teleconsult.access.service import Access
from teleconsult.actor import Actor, ActorKind, Permission
from teleconsult.audit.trail import Witness
from teleconsult.consults.service import Consults
from teleconsult.db import Database
from teleconsult.errors import TooMany, Unavailable
from teleconsult.people.state import Role

_HOLDERS = frozenset({Role.REQUESTER, Role.STATION})
_FILMS = {
    Action.SEARCH: Permission.FILM_READ,
    Action.READ: Permission.FILM_READ,
    Action.STORE: Permission.FILM_STORE,
    Action.DELETE: Permission.FILM_DELETE,
}

_REMEMBERED_FOR = timedelta(seconds=1)
"""What other processes change is seen after this at the latest; what this one changes, at once."""
_REMEMBERED = 1000

StationOf = Callable[[str, str], Awaitable[Actor | None]]
"""AE title or sending application, address -> the station's actor."""


_Asker: TypeAlias = tuple[ActorKind, str, str, frozenset[str], frozenset[Permission]]


@dataclass(frozen=True, slots=True)
class KnownCaller(Caller):
    """A caller whom the clinic knows."""

    actor: Actor


@dataclass(frozen=True, slots=True)
class _Open:
    """What cases open to somebody."""

    studies: frozenset[StudyKey]
    lab_reports: frozenset[str]


class ClinicGatekeeper:
    """Answers the archive from sessions, tokens, roles and consults.

    Args:
        access: Who shows these credentials.
        consults: What is open through cases.
        witness: Writes reads down.
        station_of: Finds registered machines.
        database: Says when it changed; with it, what is open to somebody is remembered until then.
    """

    def __init__(
        self,
        access: Access,
        consults: Consults,
        witness: Witness,
        station_of: StationOf | None = None,
        database: Database | None = None,
    ) -> None:
        self._access = access
        self._consults = consults
        self._witness = witness
        self._station_of = station_of
        self._database = database
        self._remembered: OrderedDict[_Asker, tuple[int, datetime, _Open]] = OrderedDict()

    async def identify(self, credentials: Credentials) -> Caller:
        """See `Gatekeeper.identify`."""
        try:
            actor = await self._access.identify(credentials.authorization, credentials.cookies, credentials.address)
        except TooMany as error:
            raise archive_errors.Unavailable(error.message, retry_after=error.retry_after) from error
        if actor is None:
            raise archive_errors.NotIdentified("Please log in.")
        return KnownCaller(actor.id, actor)

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        """See `Gatekeeper.identify_station`."""
        actor = await self._station_of(ae_title, address) if self._station_of else None
        if actor is None:
            raise archive_errors.NotIdentified("This station is not registered.")
        return KnownCaller(actor.id, actor)

    async def scope(self, caller: Caller, action: Action) -> Scope:
        """See `Gatekeeper.scope`."""
        actor = _actor(caller)
        films, labs = actor.may(_FILMS[action]), actor.may(_lab_permission(action))
        if not films and not labs:
            raise archive_errors.NotAllowed("You do not have the right to do this.")
        holds = bool(actor.roles & _HOLDERS) or actor.kind is ActorKind.STATION
        own = InstitutionId(actor.institution)
        if action in (Action.STORE, Action.DELETE):
            return Scope(institutions=frozenset({own}), store_into=own if action is Action.STORE else None)
        found = await self._open_to(actor, films=films, labs=labs)
        return Scope(
            institutions=frozenset({own}) if holds else frozenset(),
            studies=found.studies,
            lab_reports=found.lab_reports,
        )

    async def _open_to(self, actor: Actor, *, films: bool, labs: bool) -> "_Open":
        """What cases open to somebody. A viewer asks a hundred times in a second, so the answer is remembered."""
        database, asker = self._database, _asker(actor)
        if database is None:
            return await self._ask(actor, films, labs)
        at, commits = database.clock.now(), database.commits
        known = self._remembered.pop(asker, None)
        if known is None or known[0] != commits or known[1] <= at:
            # Counted before asking: a change meanwhile makes the answer old at once.
            known = (commits, at + _REMEMBERED_FOR, await self._ask(actor, films, labs))
        self._remembered[asker] = known
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return known[2]

    async def _ask(self, actor: Actor, films: bool, labs: bool) -> "_Open":
        opened = await self._consults.open_to(actor)
        studies = frozenset(StudyKey(InstitutionId(ref.institution), StudyUID(ref.study_uid)) for ref in opened.studies)
        return _Open(studies if films else frozenset(), opened.labs if labs else frozenset())

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        """See `Gatekeeper.vouch`: a reference is a consult's id, for those who may add to it."""
        if origin.reference and not await self._consults.may_attach(_actor(caller), origin.reference):
            raise archive_errors.NotAllowed("You may not add films to this consult.")

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        """See `Gatekeeper.witness`. What belongs to a consult's record is never deleted through this door."""
        if action is Action.DELETE:
            await self._refuse_what_is_on_record(studies)
        await self._write(caller, f"film.{action}", [f"study/{key.institution}/{key.study}" for key in studies])

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        """See `Gatekeeper.witness_reports`."""
        await self._write(caller, f"lab.{action}", [f"lab/{report}" for report in reports])

    async def _write(self, caller: Caller, action: str, subjects: list[str]) -> None:
        try:
            await self._witness.read_all(_actor(caller), action, [(subject, "") for subject in subjects])
        except Unavailable as error:
            raise archive_errors.Unavailable(error.message, retry_after=error.retry_after) from error

    async def _refuse_what_is_on_record(self, studies: Collection[StudyKey]) -> None:
        for key in studies:
            if await self._consults.is_on_record(key.institution, key.study):
                raise archive_errors.NotAllowed("This film belongs to a consult's record and must be kept.")


def _lab_permission(action: Action) -> Permission:
    return Permission.LAB_STORE if action is Action.STORE else Permission.LAB_READ


def _asker(actor: Actor) -> _Asker:
    """What of an actor decides on what is open to them; from where they ask does not."""
    return actor.kind, actor.id, actor.institution, actor.roles, actor.permissions


def _actor(caller: Caller) -> Actor:
    if not isinstance(caller, KnownCaller):
        raise TypeError("this caller was not identified here")
    return caller.actor
