"""What is done with each request of a modality: it runs in the thread of its association and asks the event loop.

A film is answered 0000 only after `ingest.accept` returned: written, synced and indexed. Its bytes are kept as they
were sent: nothing is decoded or encoded again.
"""

import asyncio
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import TimeoutError as WaitedTooLong
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol, TypeVar

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association

from dicom_store.dimse import commitment, statuses
from dicom_store.dimse.find import MAX_IDENTIFIER_BYTES, Finder
from dicom_store.dimse.retrieve import Wanted, contexts_for, films_of, sendable, wanted_of
from dicom_store.dimse.sockets import BoundedSocket, DimseLimits
from dicom_store.errors import ArchiveError, NotAllowed, NotIdentified, QueryRefused, Unavailable
from dicom_store.ingest import Ingest
from dicom_store.model import Door, InstanceRecord, Origin
from dicom_store.ports import Action, Caller, Gatekeeper, Scope
from dicom_store.storage.films import Films
from dicom_store.storage.index import Index

T = TypeVar("T")
LOGGER = logging.getLogger(__name__)
_MAX_ACTION_BYTES = 8 << 20
_TELLERS = 8
"""Threads that tell results of storage commitment; one more request is refused for now."""


class Archive(Protocol):
    """What the listener needs of the archive; `app.Archive` is one."""

    @property
    def ingest(self) -> Ingest:
        """The one door for films."""

    @property
    def index(self) -> Index:
        """Finds films."""

    @property
    def films(self) -> Films:
        """Reads films."""


Destinations = Callable[[str], Awaitable[tuple[str, int] | None]]
"""Where the station of an AE title listens, None for one that is not registered."""


@dataclass(slots=True)
class _Visit:
    """One association: who calls, as far as is known."""

    caller: Caller | None = None


class Handlers:
    """The answers of one listener. Made on the archive's event loop.

    Args:
        aet: Our AE title.
        destinations: Where C-MOVE may send, and where storage commitment is told.
    """

    def __init__(
        self,
        archive: Archive,
        gatekeeper: Gatekeeper,
        aet: str,
        limits: DimseLimits,
        destinations: Destinations,
    ) -> None:
        self._archive = archive
        self._gatekeeper = gatekeeper
        self._aet = aet
        self._limits = limits
        self._destinations = destinations
        self._loop = asyncio.get_running_loop()
        self._visits: weakref.WeakKeyDictionary[Association, _Visit] = weakref.WeakKeyDictionary()
        self._tellers = threading.BoundedSemaphore(_TELLERS)

    def table(self) -> list[tuple[Any, Any]]:
        """What pynetdicom calls when."""
        return [
            (evt.EVT_REQUESTED, self._on_requested),
            (evt.EVT_DIMSE_RECV, self._on_message),
            (evt.EVT_C_ECHO, self._on_echo),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_C_FIND, self._on_find),
            (evt.EVT_C_GET, self._on_get),
            (evt.EVT_C_MOVE, self._on_move),
            (evt.EVT_N_ACTION, self._on_action),
        ]

    # ------------------------------------------------------------ events

    def _on_requested(self, event: Any) -> None:
        """Refuse a station that is not known; with nobody to ask, let it in and answer each film A700."""
        try:
            self._caller(event.assoc)
        except (NotIdentified, NotAllowed):
            event.assoc.acse.send_reject(*statuses.CALLING_AE_UNKNOWN)
            event.assoc.kill()
        except Unavailable:
            LOGGER.warning("dimse: nobody can say which station this is; its films will be answered A700")

    def _on_message(self, event: Any) -> None:
        connection = event.assoc.dul.socket
        if isinstance(connection, BoundedSocket):
            connection.message_ended()

    def _on_echo(self, _event: Any) -> int:
        return statuses.SUCCESS

    def _on_store(self, event: Any) -> int:
        try:
            caller = self._caller(event.assoc)
            self._ask(self._store(caller, event.encoded_dataset()))
        except ArchiveError as refused:
            # The sentence holds no patient data: see `errors`.
            LOGGER.info("dimse: a film is not kept: %s", refused)
            return statuses.status_of(refused)
        return statuses.SUCCESS

    async def _store(self, caller: Caller, film: bytes) -> None:
        scope = await self._gatekeeper.scope(caller, Action.STORE)
        if scope.store_into is None:
            raise NotAllowed("This station may not send films.")
        await self._archive.ingest.accept(film, Origin(scope.store_into, Door.DIMSE, caller.id))

    def _on_find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        try:
            caller = self._caller(event.assoc)
            finder = Finder(_identifier(event), str(event.request.AffectedSOPClassUID), self._aet)
            scope = self._ask(self._gatekeeper.scope(caller, Action.SEARCH))
            while (answers := self._ask(self._found(caller, scope, finder))) is not None:
                for answer in answers:
                    if event.is_cancelled:
                        yield statuses.CANCELLED, None
                        return
                    yield statuses.PENDING, answer
        except ArchiveError as refused:
            LOGGER.info("dimse: a search is refused: %s", refused)
            yield statuses.status_of(refused), None

    async def _found(self, caller: Caller, scope: Scope, finder: Finder) -> list[Dataset] | None:
        search = finder.next_search()
        if search is None:
            return None
        rows = await self._archive.index.search(scope, search)
        if rows:
            await self._gatekeeper.witness(caller, Action.SEARCH, finder.studies(rows))
        return finder.answers(rows)

    def _on_get(self, event: Any) -> Iterator[Any]:
        """Send films over the association that asks for them: first their number, then each."""
        try:
            records = self._ask(self._meant(self._caller(event.assoc), wanted_of(_identifier(event))))
        except ArchiveError as refused:
            LOGGER.info("dimse: a C-GET is refused: %s", refused)
            yield 1
            yield statuses.status_of(refused), None
            return
        yield len(records)
        yield from self._sent(event, records)

    def _on_move(self, event: Any) -> Iterator[Any]:
        """Send films to a registered station: first where it listens, then their number, then each."""
        try:
            destination = self._ask(self._place(str(event.move_destination).strip()))
            if destination is None:
                yield None, None
                return
            records = self._ask(self._meant(self._caller(event.assoc), wanted_of(_identifier(event))))
        except ArchiveError as refused:
            LOGGER.info("dimse: a C-MOVE is refused: %s", refused)
            yield None, None
            return
        yield *destination, {"contexts": contexts_for(records)}
        yield len(records)
        yield from self._sent(event, records)

    async def _place(self, ae_title: str) -> tuple[str, int] | None:
        return await self._destinations(ae_title)

    async def _meant(self, caller: Caller, wanted: Wanted) -> list[InstanceRecord]:
        scope = await self._gatekeeper.scope(caller, Action.READ)
        records = await films_of(self._archive.index, scope, wanted)
        if records:
            await self._gatekeeper.witness(caller, Action.READ, {record.key for record in records})
        return records

    def _sent(self, event: Any, records: list[InstanceRecord]) -> Iterator[tuple[int, Dataset | None]]:
        for record in records:
            if event.is_cancelled:
                yield statuses.CANCELLED, None
                return
            yield statuses.PENDING, sendable(self._ask(self._archive.films.whole(record)))

    def _on_action(self, event: Any) -> tuple[int, None]:
        """Storage commitment: judged here, told by a thread of its own after this answer."""
        try:
            if event.action_type != commitment.REQUEST:
                return statuses.NO_SUCH_ACTION, None
            question = commitment.question_of(_action_information(event))
            verdict, place = self._ask(self._committed(self._caller(event.assoc), event.assoc, question))
        except ArchiveError as refused:
            LOGGER.info("dimse: a storage commitment is refused: %s", refused)
            return statuses.action_status_of(refused), None
        if not self._tellers.acquire(blocking=False):
            return statuses.RESOURCE_LIMITATION, None
        titles = (self._aet, event.assoc.requestor.ae_title.strip())

        def told() -> None:
            try:
                commitment.tell(verdict, event.assoc, place, titles)
            finally:
                self._tellers.release()

        threading.Thread(target=told, name="dimse commitment", daemon=True).start()
        return statuses.SUCCESS, None

    async def _committed(
        self, caller: Caller, assoc: Association, question: commitment.Question
    ) -> tuple[commitment.Verdict, tuple[str, int] | None]:
        scope = await self._gatekeeper.scope(caller, Action.STORE)
        if scope.store_into is None:
            raise NotAllowed("This station may not send films.")
        verdict = await commitment.verdict_on(self._archive.index, scope.store_into, question)
        return verdict, await self._place(assoc.requestor.ae_title.strip())

    # ------------------------------------------------------------ asking

    def _caller(self, assoc: Association) -> Caller:
        """Who calls; asked once an association, and again while nobody could say."""
        visit = self._visits.setdefault(assoc, _Visit())
        if visit.caller is None:
            # Before negotiation only the request itself holds the caller's title.
            request = assoc.requestor.primitive
            title = request.calling_ae_title.strip() if request is not None else assoc.requestor.ae_title.strip()
            visit.caller = self._ask(self._gatekeeper.identify_station(title, assoc.requestor.address))
        return visit.caller

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the archive's loop and wait for it here, in the association's thread."""
        future = asyncio.run_coroutine_threadsafe(question, self._loop)
        try:
            return future.result(self._limits.answer.total_seconds())
        except WaitedTooLong:
            future.cancel()
            raise Unavailable("The archive is too busy.") from None


def _identifier(event: Any) -> Dataset:
    """The question of a C-FIND. Raises QueryRefused."""
    if event.request.Identifier.getbuffer().nbytes > MAX_IDENTIFIER_BYTES:
        raise QueryRefused("The query is too long.")
    try:
        identifier: Dataset = event.identifier
    except Exception as error:
        raise QueryRefused("The query cannot be read.") from error
    return identifier


def _action_information(event: Any) -> Dataset:
    """What a request for storage commitment lists. Raises QueryRefused."""
    told = event.request.ActionInformation
    if not isinstance(told, BytesIO) or told.getbuffer().nbytes > _MAX_ACTION_BYTES:
        raise QueryRefused("The query is too long.")
    try:
        information: Dataset = event.action_information
    except Exception as error:
        raise QueryRefused("The query cannot be read.") from error
    return information
