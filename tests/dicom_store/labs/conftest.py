"""One archive's lab room on a temporary SQLite index, a gatekeeper with two institutions, and one made report."""

from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dicom_store.errors import NotAllowed, NotIdentified
from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.model import LabPatient, LabReport, Numeric, Observation, Sex
from dicom_store.labs.store import LabStore
from dicom_store.model import InstitutionId, Origin, StudyKey
from dicom_store.ports import Action, Caller, Credentials, LabReportStored, Scope
from dicom_store.storage.index import Index
from dicom_store.storage.keys import KeyRing

KEY = b"k" * 32
INTEROP = Path(__file__).parents[4] / "shared" / "testdata" / "interop" / "hl7v2"


class Clock:
    """Stands still until moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Gate:
    """Bearer tokens are names; each name has a scope. Any station of 127.0.0.1 belongs to `village`."""

    scopes: dict[str, Scope] = field(default_factory=dict)
    witnessed: list[tuple[str, Action, tuple[str, ...]]] = field(default_factory=list)

    async def identify(self, credentials: Credentials) -> Caller:
        name = credentials.authorization.removeprefix("Bearer ")
        if name not in self.scopes:
            raise NotIdentified("Please log in.")
        return Caller(name)

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        if ae_title == "STRANGER" or "station" not in self.scopes:
            raise NotIdentified("This station is not known here.")
        return Caller("station")

    async def scope(self, caller: Caller, action: Action) -> Scope:
        return self.scopes[caller.id]

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        if origin.reference == "somebody-elses":
            raise NotAllowed("You may not add to this consult.")

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        raise AssertionError("Lab reports are witnessed by their own method.")

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        self.witnessed.append((caller.id, action, tuple(reports)))


VILLAGE, TOWN = InstitutionId("village"), InstitutionId("town")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate() -> Gate:
    village = Scope(institutions=frozenset({VILLAGE}), store_into=VILLAGE)
    town = Scope(institutions=frozenset({TOWN}), store_into=TOWN)
    return Gate({"doctor": village, "station": village, "stranger": town, "reader": Scope()})


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing(KEY)


@pytest.fixture
async def index(tmp_path: Path, keys: KeyRing) -> AsyncIterator[Index]:
    opened = Index(f"sqlite+aiosqlite:///{tmp_path / 'archive.db'}", keys)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def heard() -> list[LabReportStored]:
    return []


@pytest.fixture
def store(index: Index, keys: KeyRing, clock: Clock, heard: list[LabReportStored]) -> LabStore:
    return LabStore(index, keys, clock, heard.append)


@pytest.fixture
def ingest(store: LabStore, gate: Gate, clock: Clock) -> LabIngest:
    return LabIngest(store, gate, clock)


def observation(**changes: object) -> Observation:
    known: dict[str, object] = {
        "code": "6690-2", "system": "LN", "name": "白细胞", "value": Numeric("12.3", Decimal("12.3")), "unit": "10^9/L",
        "range_text": "3.5-9.5", "flags": ("H",),
    }  # fmt: skip
    return Observation(**{**known, **changes})  # type: ignore[arg-type]


@pytest.fixture
def report() -> Callable[..., LabReport]:
    def made(**changes: object) -> LabReport:
        known: dict[str, object] = {
            "patient": LabPatient("王芳", "T000123", Sex.FEMALE, "1965-01-02"), "panel": "血常规",
            "observations": (observation(),), "order": "FL1", "sender": "LIS|县医院",
            "collected_at": datetime(2026, 3, 10, 1, 30, tzinfo=UTC),
        }  # fmt: skip
        return LabReport(**{**known, **changes})  # type: ignore[arg-type]

    return made
