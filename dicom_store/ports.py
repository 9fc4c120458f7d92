"""What the archive needs from the outside: one Gatekeeper that must answer, any number of Listeners that need not.

The house that embeds the archive implements these (`teleconsult/bridges/archive.py`); `python -m dicom_store` brings a
Gatekeeper that reads a token file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from dicom_store.model import InstitutionId, Origin, StudyKey


class Action(StrEnum):
    """What a caller wants to do with films or lab reports."""

    SEARCH = "search"
    READ = "read"
    STORE = "store"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought to say who it is; a value, never the request itself.

    Attributes:
        authorization: The Authorization header, or "".
        cookies: The request's cookies.
        address: The peer's network address.
    """

    authorization: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: opaque to the archive.

    Attributes:
        id: Stable id, for origins, audit and ownership of uploads.
    """

    id: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What a caller may touch with one action. Nothing outside of it exists for the caller.

    Attributes:
        institutions: Everything these institutions hold.
        studies: Single studies beside that (a specialist reaches films only through a consult).
        lab_reports: Single lab reports beside that, by id.
        store_into: The institution that new films go to; None where the caller may not store.
    """

    institutions: frozenset[InstitutionId] = frozenset()
    studies: frozenset[StudyKey] = frozenset()
    lab_reports: frozenset[str] = frozenset()
    store_into: InstitutionId | None = None

    def covers(self, key: StudyKey) -> bool:
        """Whether the study is inside."""
        return key.institution in self.institutions or key in self.studies


class Gatekeeper(Protocol):
    """Exactly one; must answer. Raises `NotIdentified`, `NotAllowed` or `Unavailable`."""

    async def identify(self, credentials: Credentials) -> Caller:
        """Who is this? Raises NotIdentified."""

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        """Which registered machine is this? Raises NotIdentified."""

    async def scope(self, caller: Caller, action: Action) -> Scope:
        """What may they touch? An empty scope is a fair answer: it finds nothing."""

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        """May the caller use this origin's reference? Raises NotAllowed. Called before a byte is kept."""

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        """Write down that the caller reads these studies, before the first byte leaves.

        Raises:
            Unavailable: It could not be written; the read is then refused.
        """

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        """The same for lab reports, by id."""


@dataclass(frozen=True, slots=True)
class InstanceStored:
    """A film is kept and indexed."""

    key: StudyKey
    instance: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class LabReportStored:
    """A lab report is kept."""

    report: str
    origin: Origin


class Listener(Protocol):
    """Any number; no answer, may not delay. Only a wake-up: the facts are the arrivals rows."""

    def heard(self, event: InstanceStored | LabReportStored) -> None:
        """Something arrived. Must return at once and never raise."""


class Translate(Protocol):
    """Says a message in the language a request asks for; the identity function will do."""

    def __call__(self, message: str, language: str) -> str:
        """Translate one msgid for an Accept-Language header; unfilled `{name}` fields stay in place."""
