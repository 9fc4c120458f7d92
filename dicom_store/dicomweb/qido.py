"""QIDO-RS: searches for studies, series and films. Answers are joined from JSON that was made at the door.

Source: DICOM PS3.18 10.6.
"""

import json
from dataclasses import replace
from functools import lru_cache
from typing import Any

from aiohttp import web

from dicom_store import query
from dicom_store.archive import Archive
from dicom_store.dicomweb.answers import address_of, base_url
from dicom_store.dicomweb.forms import form_of, send_data_sets
from dicom_store.doors import Visit, door
from dicom_store.model import InstitutionId, Level, Search, StudyKey, StudyUID
from dicom_store.ports import Action, Gatekeeper, Translate
from dicom_store.query import Understood
from dicom_store.storage.index import film_name
from dicom_store.storage.searching import Found

_LEVELS = {
    "/dicomweb/studies": Level.STUDY,
    "/dicomweb/series": Level.SERIES,
    "/dicomweb/instances": Level.INSTANCE,
    "/dicomweb/studies/{study}/series": Level.SERIES,
    "/dicomweb/studies/{study}/instances": Level.INSTANCE,
    "/dicomweb/studies/{study}/series/{series}/instances": Level.INSTANCE,
}
_ONLINE = b'"00080056":{"vr":"CS","Value":["ONLINE"]}'


def routes(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """The routes that search."""

    def searcher(level: Level) -> Any:
        async def search(request: web.Request, visit: Visit) -> web.StreamResponse:
            form = form_of(request)
            named = address_of(request)
            understood = query.from_parameters(request.query.items(), level, named.study, named.series)
            asked = understood.search
            # One more than is answered says whether there are more.
            found = await archive.index.search(visit.scope, replace(asked, limit=asked.limit + 1))
            more = len(found) > asked.limit
            found = found[: asked.limit]
            studies = {StudyKey(InstitutionId(row.institution), StudyUID(row.study)) for row in found}
            if studies:
                await gatekeeper.witness(visit.caller, Action.SEARCH, studies)
            joiner = _Joiner(archive, asked, base_url(request, archive))
            answers = [joiner.join(row) for row in found]
            return await send_data_sets(request, archive, form, answers, _warnings(understood, more=more))

        return door(Action.SEARCH, gatekeeper, translate)(search)

    return [web.get(path, searcher(level)) for path, level in _LEVELS.items()]


def _warnings(understood: Understood, *, more: bool) -> dict[str, str]:
    """What the caller should know of the answer. Source: DICOM PS3.18 8.3.4, 10.6.3."""
    said = []
    if understood.ignored:
        said.append("These attributes are not supported for matching and were ignored")
    if understood.literal:
        said.append("Fuzzy matching is done for the name of the patient only; other names were matched literally")
    if more:
        said.append("There are additional results that can be requested")
    return {"Warning": ", ".join(f'299 dicom_store "{text}"' for text in said)} if said else {}


class _Joiner:
    """Joins the answers of one search; what films of a study or series have in common is joined once."""

    def __init__(self, archive: Archive, search: Search, base: str) -> None:
        self._archive = archive
        self._search = search
        self._base = base
        self._above: dict[tuple[str, str, str | None], bytes] = {}

    def join(self, row: Found) -> bytes:
        """One answer as DICOM JSON."""
        key = (row.institution, row.study, row.series)
        above = self._above.get(key)
        if above is None:
            above = self._above[key] = b",".join(part for part in self._of_study_and_series(row) if part)
        address = f"{self._base}/studies/{row.study}"
        if row.series is not None:
            address += f"/series/{row.series}"
        parts = [above]
        if row.instance is not None:
            address += f"/instances/{row.instance}"
            parts += [row.instance_answer or b"", *_from_header(self._archive, row, self._search)]
        parts.append(_text("00081190", "UR", address))
        return b"{" + b",".join(part for part in parts if part) + b"}"

    def _of_study_and_series(self, row: Found) -> list[bytes]:
        search = self._search
        parts: list[bytes] = [_ONLINE]
        if search.level is Level.STUDY or search.study is None:
            parts += [row.study_answer, *_wanted(row.study_extra, search), _study_counts(row)]
        else:
            parts.append(_text("0020000D", "UI", row.study))
        if row.series is None:
            return parts
        if search.level is Level.SERIES or search.series is None:
            parts += [row.series_answer or b"", *_wanted(row.series_extra or b"", search)]
            parts.append(_text("00201209", "IS", row.series_instance_count))
        else:
            parts.append(_text("0020000E", "UI", row.series))
        return parts


def _study_counts(row: Found) -> bytes:
    counts = _text("00201206", "IS", row.series_count), _text("00201208", "IS", row.study_instance_count)
    return b",".join((_modalities(row.modalities), *counts))


@lru_cache(maxsize=256)
def _modalities(words: str) -> bytes:
    said = [word for word in words.split("\\") if word]
    return b'"00080061":' + json.dumps({"vr": "CS", **({"Value": said} if said else {})}).encode()


def _wanted(extra: bytes, search: Search) -> list[bytes]:
    """The attributes beside the usual ones that the caller asked for."""
    if search.include_all:
        return [extra]
    if not search.include or not extra:
        return []
    return _picked(json.loads(b"{" + extra + b"}"), search)


def _from_header(archive: Archive, row: Found, search: Search) -> list[bytes]:
    """The same for films, whose whole header is kept apart."""
    if row.header is None or row.instance is None:
        return []
    whole = json.loads(b"{" + archive.index.open_header(film_name(row.institution, row.instance), row.header) + b"}")
    known = json.loads(b"{" + (row.instance_answer or b"") + b"}")
    if search.include_all:
        usable = {tag: value for tag, value in whole.items() if tag not in known and "BulkDataURI" not in value}
        usable.pop("0020000D", None)
        usable.pop("0020000E", None)
        return [_inside(usable)]
    return _picked({tag: value for tag, value in whole.items() if tag not in known}, search)


def _picked(values: dict[str, Any], search: Search) -> list[bytes]:
    found = {tag: value for tag, value in values.items() if int(tag, 16) in search.include}
    return [_inside(found)] if found else []


def _inside(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()[1:-1]


def _text(tag: str, vr: str, value: str | int) -> bytes:
    return f'"{tag}":{{"vr":"{vr}","Value":[{json.dumps(value)}]}}'.encode()
