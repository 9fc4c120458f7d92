"""A gatekeeper for tests: bearer tokens are names, each name has a scope, and what is witnessed is remembered."""

from collections.abc import Collection, Mapping

from dicom_store.errors import NotAllowed, NotIdentified
from dicom_store.model import InstitutionId, Origin, StudyKey
from dicom_store.ports import Action, Caller, Credentials, Scope

VILLAGE, TOWN = InstitutionId("village"), InstitutionId("town")
NOT_YOURS = "somebody-elses-consult"


def as_(name: str) -> dict[str, str]:
    """Headers of a request by somebody."""
    return {"Authorization": f"Bearer {name}"}


class Doorkeeper:
    """`doctor` and `nurse` store into the village, `stranger` into the town, `reader` may only read."""

    def __init__(self, scopes: Mapping[str, Scope] | None = None) -> None:
        village = Scope(institutions=frozenset({VILLAGE}), store_into=VILLAGE)
        self.scopes = scopes or {
            "doctor": village,
            "nurse": village,
            "stranger": Scope(institutions=frozenset({TOWN}), store_into=TOWN),
            "reader": Scope(institutions=frozenset({VILLAGE})),
        }
        self.vouched: list[Origin] = []
        self.witnessed: list[tuple[str, Action, tuple[StudyKey, ...]]] = []

    async def identify(self, credentials: Credentials) -> Caller:
        name = credentials.authorization.removeprefix("Bearer ")
        if name not in self.scopes:
            raise NotIdentified("Please log in.")
        return Caller(name)

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        return Caller(ae_title)

    async def scope(self, caller: Caller, action: Action) -> Scope:
        return self.scopes[caller.id]

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        if origin.reference == NOT_YOURS:
            raise NotAllowed("You may not add to this consult.")
        self.vouched.append(origin)

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        self.witnessed.append((caller.id, action, tuple(studies)))

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        raise AssertionError("no lab reports here")


def say_it_plainly(message: str, language: str) -> str:
    """A translator that knows one language and marks what it translated."""
    return f"[{language}] {message}" if language else message
