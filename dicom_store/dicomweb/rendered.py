"""The rendered and thumbnail resources of DICOMweb (PS3.18 10.4.1.1.3, 10.4.1.1.5): films as pictures.

Every picture is a read of the patient's data: the scope is asked before, and the read is witnessed before the first
byte leaves.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

from aiohttp import web

from dicom_store.dicomweb.looks import look_for
from dicom_store.doors import Visit, door
from dicom_store.errors import NotRenderable, QueryRefused
from dicom_store.model import InstanceRecord, instance_uid, series_uid, study_uid
from dicom_store.ports import Action, Gatekeeper, Translate
from dicom_store.render.look import Look
from dicom_store.render.pictures import Picture, Render
from dicom_store.storage.index import Index

_STUDY = "/dicomweb/studies/{study}"
_SERIES = f"{_STUDY}/series/{{series}}"
_INSTANCE = f"{_SERIES}/instances/{{instance}}"


class _Pictures:
    def __init__(self, render: Render, index: Index, gatekeeper: Gatekeeper) -> None:
        self._render = render
        self._index = index
        self._gatekeeper = gatekeeper

    async def instance(self, request: web.Request, visit: Visit) -> web.Response:
        """One frame of a film, the first unless the path says which."""
        record = await self._record(request, visit)
        frame = _frame(request.match_info.get("frames", "1"))
        look = look_for(request.query, request.headers.get("Accept", ""))
        return await self._answer(request, visit, record, look, frame)

    async def instance_thumbnail(self, request: web.Request, visit: Visit) -> web.Response:
        """A film, small."""
        record = await self._record(request, visit)
        look = look_for(request.query, request.headers.get("Accept", ""))
        return await self._answer(request, visit, record, look)

    async def many_thumbnail(self, request: web.Request, visit: Visit) -> web.Response:
        """The film in the middle of a series, or of the largest series of a study."""
        study = study_uid(request.match_info["study"])
        series = series_uid(request.match_info["series"]) if "series" in request.match_info else None
        record = middle(await self._index.instances(visit.scope, study, series))
        look = look_for(request.query, request.headers.get("Accept", ""))
        return await self._answer(request, visit, record, look)

    async def _record(self, request: web.Request, visit: Visit) -> InstanceRecord:
        path = request.match_info
        return await self._index.instance(
            visit.scope, study_uid(path["study"]), series_uid(path["series"]), instance_uid(path["instance"])
        )

    async def _answer(
        self, request: web.Request, visit: Visit, record: InstanceRecord, look: Look, frame: int | None = None
    ) -> web.Response:
        await self._gatekeeper.witness(visit.caller, Action.READ, [record.key])
        headers = {
            "ETag": _etag(record, look, frame),
            "Cache-Control": "private, no-cache",
            "Vary": "Accept, Authorization, Cookie",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        if headers["ETag"] in [f'"{tag.value}"' for tag in request.if_none_match or ()]:
            return web.Response(status=304, headers=headers)
        picture: Picture
        if frame is None:
            picture = await self._render.thumbnail(record, look)
        else:
            picture = await self._render.picture(record, frame, look)
        return web.Response(body=picture.body, content_type=picture.kind.value, headers=headers)


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


def _frame(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise QueryRefused("One frame at a time can be shown as a picture.", code="bad_parameter")
    return int(text)


def _etag(record: InstanceRecord, look: Look, frame: int | None) -> str:
    return f'"{hashlib.sha256(repr((record.sha256, look, frame)).encode()).hexdigest()[:32]}"'


def routes(render: Render, index: Index, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """The rendered and thumbnail routes."""
    pictures = _Pictures(render, index, gatekeeper)
    opened = door(Action.READ, gatekeeper, translate)
    return [
        web.get(f"{_INSTANCE}/rendered", opened(pictures.instance)),
        web.get(f"{_INSTANCE}/frames/{{frames}}/rendered", opened(pictures.instance)),
        web.get(f"{_INSTANCE}/thumbnail", opened(pictures.instance_thumbnail)),
        web.get(f"{_SERIES}/thumbnail", opened(pictures.many_thumbnail)),
        web.get(f"{_STUDY}/thumbnail", opened(pictures.many_thumbnail)),
    ]
