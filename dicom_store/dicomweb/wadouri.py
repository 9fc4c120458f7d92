"""WADO-URI: one film or picture by an address whose query names it, for the many viewers that know no other way.

Source: DICOM PS3.18 chapter 9.
"""

from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from dicom_store.archive import Archive
from dicom_store.dicomweb.answers import ATTACHED, DICOM, SAFE, etag_of, not_modified, unchanged
from dicom_store.dicomweb.looks import look_for
from dicom_store.dicomweb.ranges import in_memory, send_stretch
from dicom_store.doors import Visit, door
from dicom_store.errors import QueryRefused, RequestRefused
from dicom_store.model import InstanceRecord, instance_uid, series_uid, study_uid
from dicom_store.ports import Action, Gatekeeper, Translate
from dicom_store.render.pictures import Render
from dicom_store.render.transcoded import TARGETS, Transcode

PATH = "/dicomweb/wado"


def routes(
    archive: Archive, render: Render, transcode: Transcode, gatekeeper: Gatekeeper, translate: Translate
) -> list[web.RouteDef]:  # fmt: skip
    """The one route of WADO-URI."""

    async def fetch(request: web.Request, visit: Visit) -> web.StreamResponse:
        asked = request.query
        if asked.get("requestType", "WADO") != "WADO":
            raise _missing("requestType")
        uids = [asked.get(name) or _none(name) for name in ("studyUID", "seriesUID", "objectUID")]
        record = await archive.index.instance(
            visit.scope, study_uid(uids[0]), series_uid(uids[1]), instance_uid(uids[2])
        )
        wanted = asked.get("contentType", "") or (DICOM if record.frames < 1 else "image/jpeg")
        await gatekeeper.witness(visit.caller, Action.READ, {record.key})
        if wanted.partition(";")[0].strip() == DICOM:
            return await _film(request, archive, transcode, record)
        query = _as_rendered(asked)
        look = look_for(query, wanted)
        etag = etag_of([record.digest], f"wado {look} {asked.get('frameNumber', '1')}")
        if unchanged(request, etag):
            return not_modified(etag)
        picture = await render.picture(record, _frame(asked.get("frameNumber", "1")), look)
        return web.Response(
            body=picture.body, content_type=picture.kind.value, headers={**SAFE, "ETag": etag}
        )  # fmt: skip

    return [web.get(PATH, door(Action.READ, gatekeeper, translate)(fetch))]


async def _film(
    request: web.Request, archive: Archive, transcode: Transcode, record: InstanceRecord
) -> web.StreamResponse:  # fmt: skip
    target = request.query.get("transferSyntax", "*")
    if target not in {"*", "", record.transfer_syntax, *TARGETS}:
        raise RequestRefused(
            "This cannot be sent in a form that you accept. Available: {offer}.", status=406, offer=" ".join(TARGETS)
        )
    as_stored = target in {"*", "", record.transfer_syntax}
    etag = etag_of([record.digest], "" if as_stored else f"single {target}")
    if unchanged(request, etag):
        return not_modified(etag)
    syntax = record.transfer_syntax if as_stored else target
    headers = {**ATTACHED, "Content-Type": f"{DICOM}; transfer-syntax={syntax}"}
    if not as_stored:
        film = await transcode.film(record, target)
        return await send_stretch(request, headers, etag, len(film), in_memory(film))

    def read(start: int, length: int) -> AsyncIterator[bytes]:
        return archive.films.stream(record, start, length)

    return await send_stretch(request, headers, etag, record.blob.length, read)


def _as_rendered(asked: Mapping[str, str]) -> dict[str, str]:
    """The query in the words of the rendered resources."""
    found = {}
    if "windowCenter" in asked or "windowWidth" in asked:
        found["window"] = f"{asked.get('windowCenter', '')},{asked.get('windowWidth', '')}"
    if "rows" in asked or "columns" in asked:
        edge = "8192"
        found["viewport"] = f"{asked.get('columns', edge)},{asked.get('rows', edge)}"
    if "imageQuality" in asked:
        found["quality"] = asked["imageQuality"]
    return found


def _frame(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _missing("frameNumber")
    return int(text)


def _none(name: str) -> str:
    raise _missing(name)


def _missing(name: str) -> QueryRefused:
    return QueryRefused("The value of {name} cannot be understood.", code="bad_parameter", name=name)
