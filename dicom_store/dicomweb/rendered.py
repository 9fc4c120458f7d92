"""The rendered and thumbnail resources of DICOMweb: films as pictures, videos and documents as what they are.

Every picture is a read of the patient's data: the scope is asked before, and the read is witnessed before the first
byte leaves. It is made while the witness writes.

Source: DICOM PS3.18 8.7.4, 10.4.1.1.3, 10.4.1.1.5.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TypeVar

from aiohttp import web

from dicom_store.archive import Archive
from dicom_store.dicomweb import played
from dicom_store.dicomweb.answers import SAFE, Part, accepted, address_of, base_url, film_url, send_parts
from dicom_store.dicomweb.looks import look_for
from dicom_store.dicomweb.multipart import MediaType
from dicom_store.dicomweb.played import Stream
from dicom_store.dicomweb.ranges import send_stretch
from dicom_store.dicomweb.wado import frame_numbers
from dicom_store.doors import Visit, door
from dicom_store.errors import NotRenderable, RequestRefused
from dicom_store.model import InstanceRecord
from dicom_store.ports import Action, Gatekeeper, Translate
from dicom_store.render.ahead import Ahead
from dicom_store.render.look import Look
from dicom_store.render.pictures import Render

_STUDY = "/dicomweb/studies/{study}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"
_FRAMES = f"{_INSTANCE}/frames/{{frames}}"
MAX_PICTURES = 1000
"""Pictures in one answer."""
_PDF, _MP4 = "application/pdf", "video/mp4"
# A reader of documents is a page of the browser's own, which a sandbox would not let in.
_DOCUMENT = {**SAFE, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'"}

_Film = tuple[InstanceRecord, int]
T = TypeVar("T")


class _Pictures:
    def __init__(self, archive: Archive, render: Render, ahead: Ahead, gatekeeper: Gatekeeper) -> None:
        self._archive = archive
        self._render = render
        self._ahead = ahead
        self._gatekeeper = gatekeeper

    async def rendered(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """A film, some of its frames, or all films of a series or study."""
        records = await self._records(request, visit)
        kinds = accepted(request)
        if "frames" in request.match_info:
            wanted = [(records[0], number) for number in frame_numbers(request.match_info["frames"])]
        elif len(records) == 1:
            if (shown := await self._as_it_is(request, visit, records[0], kinds)) is not None:
                return shown
            wanted = [(records[0], 1)]
        elif _takes_parts(kinds):
            wanted = [(record, 1) for record in records if record.frames > 0]
        else:
            wanted = [(middle(records), 1)]
        look = look_for(_without_accept(request), _pictures_of(request, kinds))
        if not any(kind.name.startswith("multipart/") for kind in kinds) and len(wanted) == 1:
            return await self._one(request, visit, wanted[0][0], wanted[0][1], look)
        if not _takes_parts(kinds):
            raise NotRenderable("Several pictures are sent as multipart/related only.", code="accept")
        return await self._many(request, visit, wanted, look)

    async def thumbnail(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """A film or frame, small; of a series or study the film in its middle."""
        records = await self._records(request, visit)
        record = records[0] if "instance" in request.match_info else middle(records)
        look = look_for(_without_accept(request), _pictures_of(request, accepted(request)))
        if "frames" not in request.match_info:
            return await self._one(request, visit, record, None, look)
        return await self._one(request, visit, record, frame_numbers(request.match_info["frames"])[0], look)

    async def _records(self, request: web.Request, visit: Visit) -> list[InstanceRecord]:
        named = address_of(request)
        assert named.study is not None  # noqa: S101  every route of these handlers names a study
        index = self._archive.index
        if named.series is not None and named.instance is not None:
            return [await index.instance(visit.scope, named.study, named.series, named.instance)]
        return await index.instances(visit.scope, named.study, named.series)

    async def _one(
        self, request: web.Request, visit: Visit, record: InstanceRecord, frame: int | None, look: Look
    ) -> web.StreamResponse:  # fmt: skip
        headers = {**SAFE, "ETag": _etag([(record, frame or 0)], look)}
        if _unchanged(request, headers):
            await self._witness(visit, [record])
            return web.Response(status=304, headers=headers)
        if frame is None:
            picture = await _both(self._witness(visit, [record]), self._render.thumbnail(record, look))
        else:
            picture = await _both(self._witness(visit, [record]), self._render.picture(record, frame, look))
            self._ahead.asked(record, frame, look)  # only now: what is made ahead keeps nobody waiting
        return web.Response(body=picture.body, content_type=picture.kind.value, headers=headers)

    async def _many(
        self, request: web.Request, visit: Visit, wanted: Sequence[_Film], look: Look
    ) -> web.StreamResponse:  # fmt: skip
        """Several pictures as parts; films that cannot be shown are left out."""
        if len(wanted) > MAX_PICTURES:
            raise RequestRefused("Too many pictures are asked for at once.", status=413)
        await self._witness(visit, [record for record, _ in wanted])
        headers = {**SAFE, "ETag": _etag(wanted, look)}
        if _unchanged(request, headers):
            return web.Response(status=304, headers=headers)
        parts = self._parts(base_url(request, self._archive), wanted, look)
        first = await anext(parts, None)
        if first is None:
            raise NotRenderable("This film has no pixels.", code="no_pixels")
        return await send_parts(request, look.kind.value, _again(first, parts), headers)

    async def _parts(self, base: str, wanted: Sequence[_Film], look: Look) -> AsyncIterator[Part]:
        refused: NotRenderable | None = None
        shown = 0
        for record, frame in wanted:
            try:
                picture = await self._render.picture(record, frame, look)
            except NotRenderable as error:
                refused = error
                continue
            shown += 1
            address = film_url(base, record.key.study, record.series, record.instance)
            head = {"Content-Type": look.kind.value, "Content-Location": f"{address}/frames/{frame}/rendered"}
            yield Part(head, len(picture.body), picture.body)
        if refused is not None and not shown:
            raise refused

    async def _as_it_is(
        self, request: web.Request, visit: Visit, record: InstanceRecord, kinds: Sequence[MediaType]
    ) -> web.StreamResponse | None:  # fmt: skip
        """A document, or a video for those who take one; None for what is shown as a picture."""
        if played.is_document(record):
            if kinds and not any(kind.name in {_PDF, "application/*", "*/*", "text/html"} for kind in kinds):
                raise NotRenderable("This document can be sent as PDF only.", code="accept")
            await self._witness(visit, [record])
            document = await played.document_of(self._archive, record, visit.scope)
            return await _send(request, record, _PDF, document, _DOCUMENT)
        if any(kind.name in {_MP4, "video/*"} for kind in kinds):
            video = await played.video_of(self._archive, record)
            if video is not None and await played.is_mp4(video):
                await self._witness(visit, [record])
                return await _send(request, record, _MP4, video, SAFE)
        return None

    async def _witness(self, visit: Visit, records: Sequence[InstanceRecord]) -> None:
        await self._gatekeeper.witness(visit.caller, Action.READ, {record.key for record in records})


async def _both(witnessed: Awaitable[None], making: Awaitable[T]) -> T:
    """The picture, once its reading is written down; both go on at the same time."""
    return (await asyncio.gather(witnessed, making))[1]


async def _again(first: Part, rest: AsyncIterator[Part]) -> AsyncIterator[Part]:
    yield first
    async for part in rest:
        yield part


async def _send(
    request: web.Request, record: InstanceRecord, kind: str, stream: Stream, headers: dict[str, str]
) -> web.StreamResponse:  # fmt: skip
    etag = f'"{record.digest}-{kind.partition("/")[2]}"'
    said = {**headers, "ETag": etag}
    if _unchanged(request, said):
        return web.Response(status=304, headers=said)
    return await send_stretch(request, {**headers, "Content-Type": kind}, etag, stream.length, stream.read)


def _takes_parts(kinds: Sequence[MediaType]) -> bool:
    """Whether several pictures may be answered; a browser, which names images, wants one."""
    if not kinds or any(kind.name.startswith("multipart/") for kind in kinds):
        return True
    return all(kind.name == "*/*" for kind in kinds)


def _pictures_of(request: web.Request, kinds: Sequence[MediaType]) -> str:
    """The pictures that an Accept header takes, alone or as parts, as such a header again."""
    if not any(kind.name.startswith("multipart/") for kind in kinds):
        return request.query.get("accept", "") or request.headers.get("Accept", "")
    names = [kind.parameters.get("type", "*/*") if kind.name.startswith("multipart/") else kind.name for kind in kinds]
    return ", ".join(f"{name}; q={kind.weight}" for name, kind in zip(names, kinds, strict=True))


def _without_accept(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in request.query.items() if name != "accept"}


def _unchanged(request: web.Request, headers: dict[str, str]) -> bool:
    return headers["ETag"] in [f'"{tag.value}"' for tag in request.if_none_match or ()]


def middle(records: Sequence[InstanceRecord]) -> InstanceRecord:
    """The film that stands for many: the middle one of the series that holds most pictures.

    Raises:
        NotRenderable: None of them has pixels.
    """
    shown = [record for record in records if record.frames > 0]
    if not shown:
        raise NotRenderable("This film has no pixels.", code="no_pixels")
    largest = Counter(record.series for record in shown).most_common(1)[0][0]
    of_series = [record for record in shown if record.series == largest]
    return of_series[len(of_series) // 2]


def _etag(wanted: Sequence[_Film], look: Look) -> str:
    said = repr(([(record.digest, frame) for record, frame in wanted], look))
    return f'"{hashlib.sha256(said.encode()).hexdigest()[:32]}"'


def routes(
    archive: Archive, render: Render, ahead: Ahead, gatekeeper: Gatekeeper, translate: Translate
) -> list[web.RouteDef]:  # fmt: skip
    """The rendered and thumbnail routes."""
    pictures = _Pictures(archive, render, ahead, gatekeeper)
    opened = door(Action.READ, gatekeeper, translate)
    places = (_STUDY, _SERIES, _INSTANCE, _FRAMES)
    return [
        *(web.get(f"{place}/rendered", opened(pictures.rendered)) for place in places),
        *(web.get(f"{place}/thumbnail", opened(pictures.thumbnail)) for place in places),
    ]
