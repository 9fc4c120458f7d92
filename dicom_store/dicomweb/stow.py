"""STOW-RS: films come in, by multipart/related or one alone.

Source: DICOM PS3.18 10.5 and annex I.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

from aiohttp import web

from dicom_store.archive import Archive
from dicom_store.dicomweb.answers import DICOM, DICOM_JSON, DICOM_XML, MULTIPART, base_url
from dicom_store.dicomweb.composing import METADATA, Composition
from dicom_store.dicomweb.forms import form_or_json, one_data_set
from dicom_store.dicomweb.multipart import PartBegun, PartData, PartEnded, Scanner, boundary_of, media_type
from dicom_store.doors import Visit, door, say
from dicom_store.errors import FilmRefused, NotAllowed, RequestRefused
from dicom_store.ingest import Batch, Outcome
from dicom_store.model import Door, Origin, Stored, StudyUID, study_uid
from dicom_store.ports import Action, Gatekeeper, Translate

_COMPOSED_AT_ONCE = 2
"""Films made of metadata and bulk data are held in memory whole."""


def routes(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """The routes that take films in."""
    composing = asyncio.Semaphore(_COMPOSED_AT_ONCE)

    async def store(request: web.Request, visit: Visit) -> web.StreamResponse:
        study = study_uid(request.match_info["study"]) if "study" in request.match_info else None
        if visit.scope.store_into is None:
            raise NotAllowed("You may not store films.")
        reference = request.query.get("reference", "")[:128]
        origin = Origin(visit.scope.store_into, Door.STOW, visit.caller.id, reference)
        await gatekeeper.vouch(visit.caller, origin)
        form = form_or_json(request)
        _check(request, archive)
        async with archive.stores, archive.ingest.batch(origin) as batch:
            await _Reception(archive, batch, study, composing).take(request)
            outcomes = await batch.commit()
        base, language = base_url(request, archive), request.headers.get("Accept-Language", "")
        said = _said(outcomes, base, language, translate)
        return one_data_set(form, said, status=_status(said))

    opened = door(Action.STORE, gatekeeper, translate)(store)
    return [web.post("/dicomweb/studies", opened), web.post("/dicomweb/studies/{study}", opened)]


def _check(request: web.Request, archive: Archive) -> None:
    """Refuse what would be refused later anyway, before a byte of the body is read."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestRefused("Compressed requests are not taken.", status=415, code="content_encoding")
    if (request.content_length or 0) > archive.settings.max_request_bytes:
        raise RequestRefused("The request is too large.", status=413, code="too_large")


class _Reception:
    """Takes the films of one request out of its body."""

    def __init__(
        self, archive: Archive, batch: Batch, study: StudyUID | None, composing: asyncio.Semaphore
    ) -> None:  # fmt: skip
        self._composing = composing
        self._settings = archive.settings
        self._blobs = archive.blobs
        self._batch = batch
        self._study = study
        self._pieces: list[bytes | memoryview] = []
        self._size = 0
        self._spool: IO[bytes] | None = None
        self._refusal: FilmRefused | None = None

    async def take(self, request: web.Request) -> None:
        """Read the whole body. Raises RequestRefused."""
        kind = media_type(request.headers.get("Content-Type", ""))
        try:
            if kind.name == DICOM:
                await self._single(self._pieces_of(request))
            elif kind.name == MULTIPART and kind.parameters.get("type", DICOM).lower() == DICOM:
                await self._parts(request, boundary_of(request.headers["Content-Type"]))
            elif kind.name == MULTIPART and kind.parameters["type"].lower() in METADATA:
                await self._composed(request, boundary_of(request.headers["Content-Type"]))
            else:
                raise RequestRefused(
                    "Send films as {types}.",
                    status=415,
                    code="media_type",
                    types=f'{DICOM}, {MULTIPART}; type="{DICOM}", "{DICOM_JSON}" or "{DICOM_XML}"',
                )
        finally:
            self._drop()

    async def _pieces_of(self, request: web.Request) -> AsyncIterator[bytes]:
        total = 0
        async for piece, _ in request.content.iter_chunks():  # as they came: `iter_any` joins, which is a copy more
            total += len(piece)
            if total > self._settings.max_request_bytes:
                raise RequestRefused("The request is too large.", status=413, code="too_large")
            yield piece

    async def _single(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self._collect(piece)
        await self._finish()

    async def _parts(self, request: web.Request, boundary: bytes) -> None:
        scanner = Scanner(boundary, self._settings.max_parts)
        async for piece in self._pieces_of(request):
            for event in scanner.feed(piece):
                if isinstance(event, PartData):
                    self._collect(event.data)
                elif isinstance(event, PartEnded):
                    await self._finish()
                else:
                    self._begin(event)
        scanner.finish()
        if self._batch.count == 0:
            raise RequestRefused("The request holds no film.", status=400, code="no_parts")

    async def _composed(self, request: web.Request, boundary: bytes) -> None:
        """Metadata and bulk data."""
        scanner = Scanner(boundary, self._settings.max_parts)
        folder = _spool_folder(self._settings.data_dir)
        composition = Composition(folder, self._settings.spool_above_bytes, str(request.url))
        try:
            async for piece in self._pieces_of(request):
                for event in scanner.feed(piece):
                    if isinstance(event, PartData):
                        with self._blobs.watch():
                            composition.take(event.data)
                    elif isinstance(event, PartEnded):
                        composition.end()
                    else:
                        composition.begin(event.headers)
            scanner.finish()
            films = composition.films()
            while True:
                async with self._composing:
                    film = await self._blobs.run(next, films, None)
                    if isinstance(film, bytes):
                        await self._batch.add(film, self._study)
                if film is None:
                    break
                if isinstance(film, FilmRefused):
                    self._batch.refuse(film)
        finally:
            composition.close()
        if self._batch.count == 0:
            raise RequestRefused("The request holds no film.", status=400, code="no_parts")

    def _begin(self, part: PartBegun) -> None:
        kind = media_type(part.headers.get("content-type", DICOM)).name
        if kind != DICOM:
            self._refusal = FilmRefused("This part is not a DICOM film.", failure_reason=0xC000, code="part_type")
        elif part.headers.get("content-encoding", "identity").lower() != "identity":
            self._refusal = FilmRefused("Compressed parts are not taken.", failure_reason=0xC000, code="part_type")

    def _collect(self, data: bytes | memoryview) -> None:
        if self._refusal is not None:
            return
        self._size += len(data)
        if self._size > self._settings.max_film_bytes:
            self._drop()
            self._refusal = FilmRefused("This film is too large.", failure_reason=0xA700, code="too_large")
            return
        self._pieces.append(data)
        if self._spool is None and self._size <= self._settings.spool_above_bytes:
            return
        with self._blobs.watch():
            if self._spool is None:
                self._spool = tempfile.NamedTemporaryFile(dir=_spool_folder(self._settings.data_dir))  # noqa: SIM115
            self._spool.writelines(self._pieces)
            self._pieces = []

    async def _finish(self) -> None:
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            self._batch.refuse(refusal)
        elif self._spool is not None:
            with self._blobs.watch():
                self._spool.flush()
            await self._batch.add(Path(self._spool.name), self._study)
        else:
            film = b"".join(self._pieces)
            self._pieces = []
            await self._batch.add(film, self._study)
        self._drop()

    def _drop(self) -> None:
        self._pieces = []
        self._size = 0
        if self._spool is not None:
            self._spool.close()
            self._spool = None


def _spool_folder(data_dir: Path) -> Path:
    folder = data_dir / "spool"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _said(outcomes: list[Outcome], base: str, language: str, translate: Translate) -> dict[str, Any]:
    """The Store Instances Response. Source: DICOM PS3.18 10.5.3 and table I.2-1."""
    stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, FilmRefused)]
    body: dict[str, Any] = {}
    studies = {outcome.key.study for outcome in stored}
    if len(studies) == 1:
        body["00081190"] = {"vr": "UR", "Value": [f"{base}/studies/{next(iter(studies))}"]}
    if refused:
        body["00081198"] = {"vr": "SQ", "Value": [_failed(error, language, translate) for error in refused]}
    if stored:
        body["00081199"] = {"vr": "SQ", "Value": [_referenced(outcome, base) for outcome in stored]}
    return body


def _status(body: dict[str, Any]) -> int:
    return 200 if "00081198" not in body else 202 if "00081199" in body else 409


def _referenced(outcome: Stored, base: str) -> dict[str, Any]:
    address = f"{base}/studies/{outcome.key.study}/series/{outcome.series}/instances/{outcome.instance}"
    return {
        "00081150": {"vr": "UI", "Value": [outcome.sop_class]},
        "00081155": {"vr": "UI", "Value": [outcome.instance]},
        "00081190": {"vr": "UR", "Value": [address]},
    }


def _failed(error: FilmRefused, language: str, translate: Translate) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if error.sop_class:
        item["00081150"] = {"vr": "UI", "Value": [error.sop_class]}
    if error.instance:
        item["00081155"] = {"vr": "UI", "Value": [error.instance]}
    item["00081197"] = {"vr": "US", "Value": [error.failure_reason]}
    # Error Comment: the standard has no other place for a sentence that a person can read.
    item["00000902"] = {"vr": "LT", "Value": [say(error, language, translate)]}
    return item
