"""WADO-RS: films go out as they came in, or in the transfer syntax that is asked for: whole, by frame, as metadata.

And their deletion. Every answer is witnessed before its first byte. Source: DICOM PS3.18 10.4.
"""

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from dicom_store.archive import Archive
from dicom_store.dicomweb.answers import (
    ATTACHED,
    DICOM,
    OCTETS,
    Part,
    accepted,
    address_of,
    base_url,
    etag_of,
    film_url,
    frame_type,
    not_acceptable,
    not_modified,
    send_parts,
    unchanged,
)
from dicom_store.dicomweb.choosing import FRAME_TYPES, bulk_form, film_form, frame_form
from dicom_store.dicomweb.forms import form_of, send_data_sets
from dicom_store.dicomweb.played import Stream, video_of
from dicom_store.dicomweb.ranges import in_memory, send_stretch
from dicom_store.doors import Handler, Visit, door
from dicom_store.errors import NotFound, NotRenderable, RequestRefused
from dicom_store.model import InstanceKey, InstanceRecord
from dicom_store.ports import Action, Gatekeeper, Translate
from dicom_store.render.transcoded import TARGETS, Transcode

_STUDY = "/dicomweb/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_FILM = _SERIES + "/instances/{instance}"
_MAX_FRAMES = 1000
_PIXEL_DATA = "7FE00010"


def routes(
    archive: Archive, transcode: Transcode, gatekeeper: Gatekeeper, translate: Translate
) -> list[web.RouteDef]:  # fmt: skip
    """The routes that give films out, and those that delete them."""
    giving = _Giving(archive, transcode, gatekeeper)
    table: list[tuple[str, Handler]] = [
        (_STUDY, giving.whole),
        (_SERIES, giving.whole),
        (_FILM, giving.whole),
        (_STUDY + "/metadata", giving.metadata),
        (_SERIES + "/metadata", giving.metadata),
        (_FILM + "/metadata", giving.metadata),
        (_FILM + "/frames/{frames}", giving.frames),
        (_FILM + "/bulkdata/{path:.+}", giving.bulkdata),
    ]
    read = door(Action.READ, gatekeeper, translate)
    remove = door(Action.DELETE, gatekeeper, translate)(giving.remove)
    return [
        *(web.get(path, read(handler)) for path, handler in table),
        *(web.delete(path, remove) for path in (_STUDY, _SERIES, _FILM)),
    ]


class _Giving:
    """The handlers."""

    def __init__(self, archive: Archive, transcode: Transcode, gatekeeper: Gatekeeper) -> None:
        self._archive = archive
        self._transcode = transcode
        self._gatekeeper = gatekeeper

    async def whole(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Films of a study or series, or one: byte for byte, unless another transfer syntax is asked for."""
        records = await self._records(request, visit)
        kinds, alone = accepted(request), len(records) == 1
        chosen = [film_form(kinds, record.transfer_syntax, alone=alone) for record in records]
        targets = [choice.target for choice in chosen if choice is not None]
        if len(targets) < len(records):
            syntaxes = " or ".join(("*", *TARGETS))
            raise not_acceptable(f'multipart/related; type="{DICOM}"; transfer-syntax={syntaxes}')
        single = alone and chosen[0] is not None and chosen[0].single
        form = " ".join(["single" if single else "multipart", *(target or "" for target in targets)])
        etag = etag_of((record.digest for record in records), "" if form.strip() == "single" else form)
        await self._witness(visit, records)
        if unchanged(request, etag):
            return not_modified(etag)
        if single:
            return await self._single(request, records[0], targets[0], etag)
        base = base_url(request, self._archive)
        headers = {**ATTACHED, "ETag": etag}
        if not any(targets):
            parts = [self._stored(base, record) for record in records]
            return await send_parts(request, DICOM, parts, headers)
        first = await self._in(
            base, records[0], targets[0]
        )  # what cannot be decoded at all is said before a byte leaves
        return await send_parts(request, DICOM, self._transcoded(base, records, targets, first), headers)

    async def _single(
        self, request: web.Request, record: InstanceRecord, target: str | None, etag: str
    ) -> web.StreamResponse:
        headers = {**ATTACHED, "Content-Type": f"{DICOM}; transfer-syntax={target or record.transfer_syntax}"}
        if target is not None:
            film = await self._transcode.film(record, target)
            return await send_stretch(request, headers, etag, len(film), in_memory(film))

        def read(start: int, length: int) -> AsyncIterator[bytes]:
            return self._archive.films.stream(record, start, length)

        return await send_stretch(request, headers, etag, record.blob.length, read)

    def _stored(self, base: str, record: InstanceRecord) -> Part:
        stream = self._archive.films.stream(record)
        return Part(_head(base, record, record.transfer_syntax, record.blob.length), record.blob.length, stream)

    async def _in(self, base: str, record: InstanceRecord, target: str | None) -> Part:
        if target is None:
            return self._stored(base, record)
        film = await self._transcode.film(record, target)
        return Part(_head(base, record, target, len(film)), len(film), film)

    async def _transcoded(
        self, base: str, records: Sequence[InstanceRecord], targets: Sequence[str | None], first: Part
    ) -> AsyncIterator[Part]:
        """Films in the form that is asked for; one that cannot be decoded goes out as it is stored, and says so."""
        yield first
        for record, target in zip(records[1:], targets[1:], strict=True):
            try:
                yield await self._in(base, record, target)
            except NotRenderable:
                yield self._stored(base, record)

    async def metadata(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """The data sets of films as DICOM JSON or XML, long binary values by address."""
        form = form_of(request)
        named = address_of(request)
        assert named.study is not None  # noqa: S101  every route of this handler names a study
        described = await self._archive.index.described(visit.scope, named.study, named.series, named.instance)
        await self._gatekeeper.witness(visit.caller, Action.READ, {film.key for film in described})
        etag = etag_of((film.digest for film in described), form)
        if unchanged(request, etag):
            return not_modified(etag)
        base = base_url(request, self._archive)
        films = [
            b"{"
            + film.header.replace(
                b'"BulkDataURI":"{bulk}/',
                f'"BulkDataURI":"{film_url(base, film.key.study, film.series, film.instance)}/bulkdata/'.encode(),
            )
            + b"}"
            for film in described
        ]
        return await send_data_sets(request, self._archive, form, films, {"ETag": etag})

    async def frames(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Some frames, encoded as they are stored unless another transfer syntax is asked for."""
        record = (await self._records(request, visit))[0]
        numbers = frame_numbers(request.match_info["frames"])
        part_type, syntax = frame_type(record)
        choice = frame_form(accepted(request), part_type, syntax, alone=len(numbers) == 1)
        if choice is None:
            raise not_acceptable(f'multipart/related; type="{part_type}"; transfer-syntax={syntax}')
        etag = etag_of([record.digest], f"frames {request.match_info['frames']} {choice}")
        await self._witness(visit, [record])
        if unchanged(request, etag):
            return not_modified(etag)
        if choice.target is None:
            found = await self._archive.films.frames(record, numbers)
        else:
            _check_frames(record, numbers)
            part_type, syntax = FRAME_TYPES[choice.target], choice.target
            found = await self._transcode.frames(record, choice.target, numbers)
        content_type = f"{part_type}; transfer-syntax={syntax}"
        if choice.single:
            return web.Response(body=found[0], headers={**ATTACHED, "ETag": etag, "Content-Type": content_type})
        address = film_url(base_url(request, self._archive), record.key.study, record.series, record.instance)
        parts = [
            Part({"Content-Type": content_type, "Content-Location": f"{address}/frames/{number}"}, len(frame), frame)
            for number, frame in zip(numbers, found, strict=True)
        ]
        return await send_parts(request, part_type, parts, {**ATTACHED, "ETag": etag})

    async def bulkdata(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """One long binary value of a film, by the path that its metadata names."""
        record = (await self._records(request, visit))[0]
        path = request.match_info["path"]
        part_type = frame_type(record)[0] if path.upper() == _PIXEL_DATA else OCTETS
        kinds = accepted(request)
        choice = bulk_form(kinds, part_type, alone=True)
        if choice is None:
            raise not_acceptable(f'multipart/related; type="{part_type}"')
        etag = etag_of([record.digest], f"bulk {path} {choice}")
        await self._witness(visit, [record])
        if unchanged(request, etag):
            return not_modified(etag)
        headers = {**ATTACHED, "ETag": etag}
        streams = await self._values(record, path)
        if choice.single and len(streams) == 1:
            return await send_stretch(
                request, {**ATTACHED, "Content-Type": part_type}, etag, streams[0].length, streams[0].read
            )
        if choice.single and bulk_form(kinds, part_type, alone=False) is None:
            raise not_acceptable(f'multipart/related; type="{part_type}"')
        content_type = part_type if part_type == OCTETS else f"{part_type}; transfer-syntax={record.transfer_syntax}"
        parts = [
            Part({"Content-Type": content_type}, stream.length, stream.read(0, stream.length)) for stream in streams
        ]
        return await send_parts(request, part_type, parts, headers)

    async def _values(self, record: InstanceRecord, path: str) -> list[Stream]:
        if path.upper() == _PIXEL_DATA and (video := await video_of(self._archive, record)) is not None:
            return [video]
        values = await self._archive.films.bulk(record, path)
        return [Stream(len(value), in_memory(value)) for value in values]

    async def remove(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Delete a study, series or film; another institution's copy stays, and what is on a record stays."""
        records = await self._records(request, visit)
        await self._witness(visit, records, Action.DELETE)
        keys = [InstanceKey(record.key.institution, record.instance) for record in records]
        await self._archive.index.remove_films(keys, visit.caller.id, self._archive.settings.clock())
        return web.Response(status=204)

    async def _records(self, request: web.Request, visit: Visit) -> list[InstanceRecord]:
        named = address_of(request)
        assert named.study is not None  # noqa: S101  every route of these handlers names a study
        index = self._archive.index
        if named.series is not None and named.instance is not None:
            return [await index.instance(visit.scope, named.study, named.series, named.instance)]
        return await index.instances(visit.scope, named.study, named.series)

    async def _witness(self, visit: Visit, records: Sequence[InstanceRecord], action: Action = Action.READ) -> None:
        await self._gatekeeper.witness(visit.caller, action, {record.key for record in records})


def _head(base: str, record: InstanceRecord, syntax: str, length: int) -> dict[str, str]:
    return {
        "Content-Type": f"{DICOM}; transfer-syntax={syntax}",
        "Content-Length": str(length),
        "Content-Location": film_url(base, record.key.study, record.series, record.instance),
    }


def frame_numbers(text: str) -> list[int]:
    """Frames that a path names, counted from 1. Raises Refused."""
    words = text.split(",")
    if len(words) > _MAX_FRAMES:
        raise RequestRefused("Too many frames are asked for at once.", status=413)
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise NotFound("This film has no such frame.")
    return [int(word) for word in words]


def _check_frames(record: InstanceRecord, numbers: Sequence[int]) -> None:
    if any(not 1 <= number <= record.frames for number in numbers):
        raise NotFound("This film has no such frame.")
