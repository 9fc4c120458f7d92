"""The control line's listener end: the archive's Gatekeeper, Destinations and Listener of the DICOM process.

It asks the clinic as JSON over a Unix socket (`control` answers). Answers are kept a few seconds: a machine that is
taken off is out at once, and a clinic that does not answer makes films wait at their machine (A700), never be lost.
Imports nothing of the clinic: the process stays small.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector

from dicom_store import errors as archive_errors
from dicom_store.model import InstitutionId, Origin, StudyKey
from dicom_store.ports import Action, Caller, Credentials, InstanceStored, LabReportStored, Scope

CONTROL_SOCKET = Path("run") / "clinic.sock"
_ANSWER_S = 5.0
_KEPT_S = 10.0
_MOST_KEPT = 1000
_NEWS_PAUSE_S = 0.2
_DOWN = "The clinic does not answer. Please send again later."


class Line:
    """The asking side. Use it as `async with Line(path) as line`; the clinic may come and go.

    Args:
        socket: Path of the clinic's socket.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def __aenter__(self) -> Self:
        """Be ready to ask."""
        connector = UnixConnector(str(self._socket), limit=32)
        self._http = ClientSession(connector=connector, timeout=ClientTimeout(total=_ANSWER_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._http.close()

    async def ask(self, what: str, said: object) -> dict[str, Any]:
        """One question.

        Raises:
            Unavailable: The clinic does not answer.
        """
        try:
            async with self._http.post(f"http://clinic/{what}", json=said) as answer:
                if answer.status == 200:
                    return dict(await answer.json())
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            raise archive_errors.Unavailable(_DOWN, retry_after=timedelta(seconds=5)) from error
        raise archive_errors.Unavailable(_DOWN, retry_after=timedelta(seconds=5))


@dataclass(frozen=True, slots=True)
class CallingStation(Caller):
    """A machine that the clinic knows, and how it called."""

    name: str
    title: str
    address: str
    institution: InstitutionId


class StationGatekeeper:
    """The archive's Gatekeeper in the listener's process: lets machines in and nobody else.

    Args:
        line: To the clinic.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._kept: OrderedDict[tuple[str, str], tuple[float, CallingStation]] = OrderedDict()

    async def identify(self, credentials: Credentials) -> Caller:
        """Nobody comes here with credentials."""
        raise archive_errors.NotIdentified("Please log in.")

    async def identify_station(self, ae_title: str, address: str) -> Caller:
        """See `Gatekeeper.identify_station`."""
        return await self._known(ae_title, address)

    async def scope(self, caller: Caller, action: Action) -> Scope:
        """A machine stores into its institution and finds what that holds, as long as it is registered."""
        if not isinstance(caller, CallingStation) or action is Action.DELETE:
            raise archive_errors.NotAllowed("You do not have the right to do this.")
        own = (await self._known(caller.title, caller.address)).institution
        return Scope(institutions=frozenset({own}), store_into=own if action is Action.STORE else None)

    async def vouch(self, caller: Caller, origin: Origin) -> None:
        """Machines name no case."""
        if origin.reference:
            raise archive_errors.NotAllowed("You may not add films to this consult.")

    async def witness(self, caller: Caller, action: Action, studies: Collection[StudyKey]) -> None:
        """See `Gatekeeper.witness`."""
        if not isinstance(caller, CallingStation):
            raise archive_errors.NotAllowed("You do not have the right to do this.")
        said = {
            "id": caller.id, "name": caller.name, "institution": caller.institution, "address": caller.address,
            "action": str(action), "studies": [(key.institution, key.study) for key in studies],
        }  # fmt: skip
        await self._line.ask("witness", said)

    async def witness_reports(self, caller: Caller, action: Action, reports: Collection[str]) -> None:
        """No lab report is read by this door."""
        raise archive_errors.NotAllowed("You do not have the right to do this.")

    async def destination(self, ae_title: str) -> tuple[str, int] | None:
        """Where a registered machine takes films; see `dimse.listener.Destinations`."""
        place = (await self._line.ask("place", {"name": ae_title}))["place"]
        return (str(place[0]), int(place[1])) if place else None

    async def _known(self, title: str, address: str) -> CallingStation:
        key = (title, address)
        until, station = self._kept.get(key, (0.0, None))
        if station is not None and time.monotonic() < until:
            return station
        self._kept.pop(key, None)
        told = await self._line.ask("identify", {"name": title, "address": address})
        if not told["known"]:
            raise archive_errors.NotIdentified("This station is not registered.")
        station = CallingStation(told["id"], told["name"], title, address, InstitutionId(told["institution"]))
        self._kept[key] = (time.monotonic() + _KEPT_S, station)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return station


class News:
    """The archive's Listener in the listener's process: tells the clinic that something came.

    A few times a second at most. Losing a word only delays: the arrivals are rows.

    Args:
        line: To the clinic.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._came = asyncio.Event()

    def heard(self, event: InstanceStored | LabReportStored) -> None:
        """See `dicom_store.ports.Listener`."""
        self._came.set()

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Tell as long as the context lasts."""
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell())
            try:
                yield
            finally:
                telling.cancel()

    async def _tell(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            with suppress(archive_errors.Unavailable):
                await self._line.ask("news", {})
            await asyncio.sleep(_NEWS_PAUSE_S)
