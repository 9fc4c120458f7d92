"""The HTTP door of uploads: tus 1.0 at `/uploads`. Rules are in `protocol`, work is in `reception`."""

import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from dicom_store.doors import Visit, door
from dicom_store.errors import NotAllowed, UploadRefused
from dicom_store.model import Door, Origin
from dicom_store.ports import Action, Gatekeeper, Translate
from dicom_store.uploads import protocol
from dicom_store.uploads.reception import Reception, State
from dicom_store.uploads.results import About, Fate, FileResult
from dicom_store.uploads.shelf import owner_of

_ANSWER_WITHIN_SECONDS = 15.0
"""The last request waits for its films to be verified; a large disc takes longer and is asked for by GET."""
_MAX_REFERENCE = 200


class _Uploads:
    def __init__(self, reception: Reception, gatekeeper: Gatekeeper, translate: Translate) -> None:
        self._reception = reception
        self._gatekeeper = gatekeeper
        self._translate = translate

    async def options(self, _request: web.Request, _visit: Visit) -> web.Response:
        """What this server can do."""
        return web.Response(status=204, headers=protocol.capabilities(self._reception.limits))

    async def create(self, request: web.Request, visit: Visit) -> web.Response:
        """Begin an upload."""
        owner = owner_of(visit.caller.id)
        decision = protocol.creation(request.headers, self._reception.limits, await self._reception.count_open(owner))
        if visit.scope.store_into is None:
            raise NotAllowed("You may not send films here.")
        reference = decision.metadata.get("reference", "")
        if len(reference) > _MAX_REFERENCE or not reference.isprintable():
            raise UploadRefused("The description of the upload cannot be understood.", status=400, code="bad_metadata")
        origin = Origin(visit.scope.store_into, Door.UPLOAD, visit.caller.id, reference)
        await self._gatekeeper.vouch(visit.caller, origin)
        about = About(decision.length, decision.metadata, origin, self._reception.now())
        upload = await self._reception.begin(owner, about, decision.append, _body(request))
        location = f"{request.path.rstrip('/')}/{upload}"
        headers = {"Location": location}
        if decision.append is not None or decision.length == 0:
            state = await self._settled(owner, upload)
            headers |= protocol.state_headers(state.progress) | _result_header(state, location)
        else:
            headers |= protocol.state_headers((await self._reception.state(owner, upload)).progress)
        return web.Response(status=201, headers=headers)

    async def head(self, request: web.Request, visit: Visit) -> web.Response:
        """How far an upload is."""
        protocol.check_version(request.headers)
        state = await self._reception.state(owner_of(visit.caller.id), request.match_info["upload"])
        headers = protocol.state_headers(state.progress) | {"Upload-Length": str(state.progress.length)}
        if state.about.metadata:
            headers["Upload-Metadata"] = protocol.write_metadata(state.about.metadata)
        return web.Response(headers=headers)

    async def patch(self, request: web.Request, visit: Visit) -> web.Response:
        """Take bytes."""
        owner, upload = owner_of(visit.caller.id), request.match_info["upload"]
        try:
            progress = await self._reception.append(owner, upload, request.headers, _body(request))
        except TimeoutError:
            raise UploadRefused("The line was silent for too long.", status=408, code="silent") from None
        headers = protocol.state_headers(progress)
        if progress.complete:
            headers |= _result_header(await self._settled(owner, upload), request.path)
        return web.Response(status=204, headers=headers)

    async def remove(self, request: web.Request, visit: Visit) -> web.Response:
        """Forget an upload."""
        protocol.check_version(request.headers)
        await self._reception.remove(owner_of(visit.caller.id), request.match_info["upload"])
        return web.Response(status=204, headers={"Tus-Resumable": protocol.VERSION})

    async def overridden(self, request: web.Request, visit: Visit) -> web.Response:
        """PATCH and DELETE for those whose proxies let only POST through."""
        verb = request.headers.get("X-HTTP-Method-Override", "").upper()
        if verb == "PATCH":
            return await self.patch(request, visit)
        if verb == "DELETE":
            return await self.remove(request, visit)
        raise UploadRefused("This request is not one of uploads.", status=405, code="method")

    async def show(self, request: web.Request, visit: Visit) -> web.Response:
        """What became of an upload's files, in the caller's language."""
        upload = request.match_info["upload"]
        state = await self._reception.state(owner_of(visit.caller.id), upload)
        language = request.headers.get("Accept-Language", "")
        body = json.dumps(self._shown(upload, state, language), ensure_ascii=False)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=body, content_type="application/json", headers=headers)

    async def _settled(self, owner: str, upload: str) -> State:
        await self._reception.wait(owner, upload, _ANSWER_WITHIN_SECONDS)
        return await self._reception.state(owner, upload)

    def _shown(self, upload: str, state: State, language: str) -> dict[str, Any]:
        files = state.result.files if state.result is not None else ()
        receiving = not state.progress.complete
        return {
            "id": upload,
            "state": "done" if state.result is not None else "receiving" if receiving else "verifying",
            "name": state.about.name,
            "reference": state.about.origin.reference,
            "length": state.progress.length,
            "offset": state.progress.offset,
            "expires_at": state.progress.expires_at.isoformat(),
            "progress": {"done": state.done, "total": state.total},
            "counts": {fate.value: sum(file.fate is fate for file in files) for fate in Fate},
            "files": [self._file(file, language) for file in files],
        }

    def _file(self, file: FileResult, language: str) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": file.name, "fate": file.fate.value}
        if file.fate is Fate.VERIFIED:
            return shown | {
                "study_uid": file.study,
                "series_uid": file.series,
                "instance_uid": file.instance,
                "blake3": file.digest,
                "duplicate": file.duplicate,
            }
        said = self._translate(file.reason, language)
        return shown | {"reason": said.format(**file.fields) if file.fields else said, "code": file.code}


def _result_header(state: State, location: str) -> dict[str, str]:
    if not state.progress.complete:
        return {}
    headers = {"Upload-Result": location}
    if state.result is not None:
        counts = {fate: sum(file.fate is fate for file in state.result.files) for fate in Fate}
        headers["Upload-Result-Counts"] = ", ".join(f"{fate.value}={count}" for fate, count in counts.items())
    return headers


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.content.iter_any():
            yield piece
    except web.RequestPayloadError as error:  # the request's own framing broke off: the same as a broken line
        raise ConnectionResetError from error


def routes(reception: Reception, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """The routes of `/uploads`."""
    uploads = _Uploads(reception, gatekeeper, translate)
    opened = door(Action.STORE, gatekeeper, translate)
    one = "/uploads/{upload}"
    return [
        web.options("/uploads", opened(uploads.options)),
        web.options(one, opened(uploads.options)),
        web.post("/uploads", opened(uploads.create)),
        web.head(one, opened(uploads.head)),
        web.get(one, opened(uploads.show), allow_head=False),
        web.patch(one, opened(uploads.patch)),
        web.delete(one, opened(uploads.remove)),
        web.post(one, opened(uploads.overridden)),
    ]
