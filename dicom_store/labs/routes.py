"""Lab reports over HTTP as JSON: post one, read one, search, the analyte table, a report's pictures.

Each route names its permission; every read is within the caller's scope and witnessed before the first byte.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from dicom_store.doors import Visit, door
from dicom_store.errors import LabRefused, NotAllowed, NotFound, QueryRefused, RequestRefused
from dicom_store.labs.analytes import ANALYTES, Limits
from dicom_store.labs.form import report_of
from dicom_store.labs.ingest import LabIngest
from dicom_store.labs.model import Attachment, KeptReport, LabReportId
from dicom_store.labs.payload import shown
from dicom_store.labs.store import MAX_FOUND, LabSearch
from dicom_store.model import Door, Origin
from dicom_store.ports import Action, Gatekeeper, Translate

MAX_BODY_BYTES = 2 * 1024 * 1024
_SEARCH_WORDS = {"identifier", "name", "since", "before", "critical", "all_versions", "limit", "offset"}
_SAFE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
# A document of a stranger: never opened as a page of this site.
_CAGED = {**_SAFE, "Content-Security-Policy": "default-src 'none'; sandbox"}
_SHOWN_TYPES = {"image/png", "image/jpeg", "image/gif", "image/bmp"}


class _Doors:
    """The handlers; what they need is handed in once."""

    def __init__(self, ingest: LabIngest, gatekeeper: Gatekeeper) -> None:
        self._ingest = ingest
        self._store = ingest.store
        self._gatekeeper = gatekeeper

    async def add(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """`POST /labs/reports`: 201 with the kept report's id; `replaces` makes it a new version."""
        if visit.scope.store_into is None:
            raise NotAllowed("You may not store lab reports here.")
        body = await _json(request)
        report = report_of(body)
        reference, replaces = body.get("reference") or "", body.get("replaces") or None
        if not isinstance(reference, str) or not isinstance(replaces, str | None) or len(reference) > 128:
            raise LabRefused("The field {field} is missing or wrong.", code="wrong_field", field="reference")
        origin = Origin(visit.scope.store_into, Door.FORM, visit.caller.id, reference)
        await self._gatekeeper.vouch(visit.caller, origin)
        version_of = LabReportId(replaces) if replaces else None
        kept_id = await self._ingest.accept(report, origin, replaces=version_of)
        (kept,) = await self._store.of([kept_id])
        answer = {"id": kept.id, "version": kept.version, "critical": kept.report.critical}
        return _answer(answer, status=201, headers={"Location": f"{request.path.rstrip('/')}/{kept.id}"})

    async def read(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """`GET /labs/reports/{report}`."""
        kept = await self._store.get(visit.scope, _id(request))
        await self._witness(visit, Action.READ, [kept])
        return _answer(shown(kept))

    async def versions(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """`GET /labs/reports/{report}/versions`: oldest first."""
        found = await self._store.versions(visit.scope, _id(request))
        await self._witness(visit, Action.READ, found)
        return _answer([shown(kept) for kept in found])

    async def attachment(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """`GET /labs/reports/{report}/attachments/{place}`: the picture or document of the result at that place."""
        kept = await self._store.get(visit.scope, _id(request))
        place = int(request.match_info["place"])
        results = kept.report.observations
        value = results[place].value if place < len(results) else None
        if not isinstance(value, Attachment):
            raise NotFound("There is no such lab report here.")
        await self._witness(visit, Action.READ, [kept])
        inline = value.media_type in _SHOWN_TYPES
        headers = {**_CAGED, "Content-Disposition": "inline" if inline else "attachment"}
        media_type = value.media_type if inline else "application/octet-stream"
        return web.Response(body=value.content, content_type=media_type, headers=headers)

    async def search(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        """`GET /labs/reports?identifier=&name=&since=&before=&critical=&all_versions=&limit=&offset=`."""
        found = await self._store.search(visit.scope, _search(request))
        if found:
            await self._witness(visit, Action.SEARCH, found)
        return _answer([shown(kept) for kept in found])

    async def analytes(self, _request: web.Request, _visit: Visit) -> web.StreamResponse:
        """`GET /labs/analytes`: the bundled table, for forms."""
        return web.Response(body=_ANALYTES, content_type="application/json", headers={"Cache-Control": "no-cache"})

    async def _witness(self, visit: Visit, action: Action, found: Sequence[KeptReport]) -> None:
        await self._gatekeeper.witness_reports(visit.caller, action, [kept.id for kept in found])


def routes(ingest: LabIngest, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """The room's routes."""
    doors = _Doors(ingest, gatekeeper)
    store, read, search = (door(action, gatekeeper, translate) for action in (Action.STORE, Action.READ, Action.SEARCH))
    report = r"/labs/reports/{report:[0-9a-f]{32}}"
    return [
        web.post("/labs/reports", store(doors.add)),
        web.get("/labs/reports", search(doors.search)),
        web.get("/labs/analytes", search(doors.analytes)),
        web.get(report, read(doors.read)),
        web.get(report + "/versions", read(doors.versions)),
        web.get(report + r"/attachments/{place:[0-9]{1,4}}", read(doors.attachment)),
    ]


def _id(request: web.Request) -> LabReportId:
    return LabReportId(request.match_info["report"])


def _answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    encoded = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(
        status=status, body=encoded, content_type="application/json", headers={**_SAFE, **(headers or {})}
    )


async def _json(request: web.Request) -> dict[str, Any]:
    """The request's body, bounded in bytes and depth."""
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise RequestRefused("A lab report is posted as application/json.", status=415)
    if "Content-Encoding" in request.headers:
        raise RequestRefused("A lab report is posted without compression.", status=415)
    raw = bytearray()
    async for piece in request.content.iter_any():
        raw += piece
        if len(raw) > MAX_BODY_BYTES:
            raise RequestRefused("The message is larger than {limit} bytes.", status=413, limit=MAX_BODY_BYTES)
    try:
        # Numbers stay as typed: 5.10 is not 5.1 to a laboratory.
        body = json.loads(bytes(raw), parse_float=str, parse_int=str, parse_constant=_refuse_constant)
        # Lone surrogates are JSON but no text: no database keeps them.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise LabRefused("The body is not readable as JSON.", code="not_json") from None
    if not isinstance(body, dict):
        raise LabRefused("The body is not readable as JSON.", code="not_json")
    return body


def _refuse_constant(_word: str) -> None:
    raise ValueError("NaN and Infinity are no JSON.")


def _search(request: web.Request) -> LabSearch:
    unknown = set(request.query) - _SEARCH_WORDS
    if unknown:
        raise QueryRefused("The search has a word that is not known here.", code="unknown_word")
    query = request.query
    return LabSearch(
        identifier=query.get("identifier", "")[:512],
        name=query.get("name", "")[:512],
        since=_moment(query.get("since")),
        before=_moment(query.get("before")),
        critical=query.get("critical", "") == "true",
        all_versions=query.get("all_versions", "") == "true",
        limit=_count(query.get("limit", "50"), most=MAX_FOUND),
        offset=_count(query.get("offset", "0"), most=100_000),
    )


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.utcoffset() is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise QueryRefused("A time of the search is not ISO 8601 with a time zone.", code="bad_time")


def _count(text: str, *, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise QueryRefused("A number of the search cannot be read.", code="bad_number")
    return min(int(text), most)


def _limits(limits: Limits | None) -> dict[str, str | None] | None:
    if limits is None:
        return None
    return {name: None if end is None else str(end) for name, end in limits._asdict().items()}


_ANALYTES = json.dumps(
    {
        "note": "Typical adult ranges. The reporting laboratory's own range always wins.",
        "analytes": [
            {
                "code": each.loinc,
                "system": "LN",
                "abbreviation": each.abbreviation,
                "zh": each.zh,
                "en": each.en,
                "unit": each.unit,
                "male": _limits(each.male),
                "female": _limits(each.female),
                "critical": _limits(each.critical),
                "negative": each.negative,
            }
            for each in ANALYTES
        ],
    },
    ensure_ascii=False,
).encode()
