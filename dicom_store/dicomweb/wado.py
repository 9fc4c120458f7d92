"""WADO-RS: films go out as they came in: whole, by frame, as JSON. And their deletion.

Every answer is witnessed before its first byte. Source: DICOM PS3.18 10.4.
"""

from collections.abc import Sequence

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
    json_answer,
    not_acceptable,
    not_modified,
    send_parts,
    takes_json,
    unchanged,
    wants_multipart,
    wants_single,
)
from dicom_store.dicomweb.multipart import MediaType
from dicom_store.doors import Handler, Visit, door
from dicom_store.errors import NotFound, RequestRefused
from dicom_store.model import InstanceKey, InstanceRecord
from dicom_store.ports import Action, Gatekeeper, Translate

_STUDY = "/dicomweb/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_FILM = _SERIES + "/instances/{instance}"
_MAX_FRAMES = 1000


def routes(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """The routes that give films out, and those that delete them."""
    giving = _Giving(archive, gatekeeper)
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

    def __init__(self, archive: Archive, gatekeeper: Gatekeeper) -> None:
        self._archive = archive
        self._gatekeeper = gatekeeper

    async def whole(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Films of a study or series, or one, byte for byte."""
        records = await self._records(request, visit)
        kinds = accepted(request)
        if len(records) == 1 and wants_single(kinds, DICOM, records[0].transfer_syntax):
            return await self._single(request, visit, records[0])
        if not all(wants_multipart(kinds, DICOM, record.transfer_syntax) for record in records):
            raise not_acceptable(f'multipart/related; type="{DICOM}"; transfer-syntax=*')
        etag = etag_of((record.sha256 for record in records), "multipart")
        await self._witness(visit, records)
        if unchanged(request, etag):
            return not_modified(etag)
        base = base_url(request, self._archive)
        parts = [
            Part(
                {
                    "Content-Type": f"{DICOM}; transfer-syntax={record.transfer_syntax}",
                    "Content-Length": str(record.blob.length),
                    "Content-Location": film_url(base, record.key.study, record.series, record.instance),
                },
                record.blob.length,
                self._archive.films.stream(record),
            )
            for record in records
        ]
        return await send_parts(request, DICOM, parts, {**ATTACHED, "ETag": etag})

    async def _single(self, request: web.Request, visit: Visit, record: InstanceRecord) -> web.StreamResponse:
        await self._witness(visit, [record])
        etag = etag_of([record.sha256])
        if unchanged(request, etag):
            return not_modified(etag)
        start, length = _range(request, record.blob.length, etag)
        partial = length != record.blob.length
        answer = web.StreamResponse(status=206 if partial else 200, headers=ATTACHED)
        answer.headers["ETag"] = etag
        answer.headers["Accept-Ranges"] = "bytes"
        answer.headers["Content-Type"] = f"{DICOM}; transfer-syntax={record.transfer_syntax}"
        if partial:
            answer.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{record.blob.length}"
        answer.content_length = length
        await answer.prepare(request)
        if request.method != "HEAD":
            async for piece in self._archive.films.stream(record, start, length):
                await answer.write(piece)
        await answer.write_eof()
        return answer

    async def metadata(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """The data sets of films as DICOM JSON, long binary values by address."""
        takes_json(request)
        named = address_of(request)
        assert named.study is not None  # noqa: S101  every route of this handler names a study
        described = await self._archive.index.described(visit.scope, named.study, named.series, named.instance)
        await self._gatekeeper.witness(visit.caller, Action.READ, {film.key for film in described})
        etag = etag_of((film.sha256 for film in described), "json")
        if unchanged(request, etag):
            return not_modified(etag)
        base = base_url(request, self._archive)
        films = [
            film.header.replace(
                b'"BulkDataURI":"{bulk}/',
                f'"BulkDataURI":"{film_url(base, film.key.study, film.series, film.instance)}/bulkdata/'.encode(),
            )
            for film in described
        ]
        return json_answer(b"[{" + b"},{".join(films) + b"}]", {"ETag": etag})

    async def frames(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Some frames, encoded as they are stored."""
        record = (await self._records(request, visit))[0]
        numbers = _frame_numbers(request.match_info["frames"])
        part_type, syntax = frame_type(record)
        kinds = accepted(request)
        single = len(numbers) == 1 and wants_single(kinds, part_type, syntax)
        if not single and not wants_multipart(kinds, part_type, syntax) and not _takes_any_bytes(kinds, syntax):
            raise not_acceptable(f'multipart/related; type="{part_type}"; transfer-syntax={syntax}')
        etag = etag_of([record.sha256], f"frames {request.match_info['frames']} {single}")
        await self._witness(visit, [record])
        if unchanged(request, etag):
            return not_modified(etag)
        found = await self._archive.films.frames(record, numbers)
        content_type = f"{part_type}; transfer-syntax={syntax}"
        if single:
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
        kinds = accepted(request)
        single = wants_single(kinds, OCTETS, "")
        if not single and not wants_multipart(kinds, OCTETS, ""):
            raise not_acceptable(f'multipart/related; type="{OCTETS}"')
        await self._witness(visit, [record])
        values = await self._archive.films.bulk(record, request.match_info["path"])
        if single and len(values) == 1:
            return web.Response(body=values[0], headers={**ATTACHED, "Content-Type": OCTETS})
        parts = [Part({"Content-Type": OCTETS}, len(value), value) for value in values]
        return await send_parts(request, OCTETS, parts, ATTACHED)

    async def remove(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """Delete a study, series or film; another institution's copy stays."""
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


def _takes_any_bytes(kinds: Sequence[MediaType], syntax: str) -> bool:
    """Viewers ask for octet-stream with any transfer syntax and read the part's own type."""
    return any(
        kind.parameters.get("type", "") == OCTETS and kind.parameters.get("transfer-syntax") in {"*", syntax}
        for kind in kinds
    )


def _frame_numbers(text: str) -> list[int]:
    words = text.split(",")
    if len(words) > _MAX_FRAMES:
        raise RequestRefused("Too many frames are asked for at once.", status=413)
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise NotFound("This film has no such frame.")
    return [int(word) for word in words]


def _range(request: web.Request, total: int, etag: str) -> tuple[int, int]:
    """First byte and length that a Range header asks for; the whole where it asks for none or for several."""
    header = request.headers.get("Range", "")
    if not header.startswith("bytes=") or "," in header:
        return 0, total
    condition = request.headers.get("If-Range")
    if condition is not None and condition != etag:
        return 0, total
    low, dash, high = header.removeprefix("bytes=").strip().partition("-")
    if not dash or not (low + high).isdigit() or len(low) > 18 or len(high) > 18:
        return 0, total
    start = int(low) if low else max(0, total - int(high))
    end = min(total - 1, int(high)) if low and high else total - 1
    if start > end:
        raise RequestRefused("The range asked for is outside of the film.", status=416, code="bad_range")
    return start, end - start + 1
