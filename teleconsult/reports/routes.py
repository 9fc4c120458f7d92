"""JSON doors of opinions, their PDF, key images and the check of a file."""

from collections.abc import Sequence

from aiohttp import hdrs, web

from teleconsult.actor import Permission
from teleconsult.errors import Refused
from teleconsult.http import multipart
from teleconsult.http.guard import actor_of, body_of, query_of
from teleconsult.http.limits import read_body
from teleconsult.http.routing import Public, Route, delete, get, post, put
from teleconsult.reports.bodies import (
    CodeAnswer,
    DraftAnswer,
    DraftBody,
    KeyImageAnswer,
    KeyImageBody,
    KeyImageList,
    LockAnswerBody,
    LockBody,
    PdfQuery,
    PhraseAnswer,
    PhraseList,
    ReasonBody,
    ReportAnswer,
    SignBody,
    StandingAnswer,
    VerdictAnswer,
    VersionBody,
)
from teleconsult.reports.checker import MAX_FILE_BYTES
from teleconsult.reports.drafts import NewImage
from teleconsult.reports.service import Reports
from teleconsult.reports.views import PdfFile


class ReportRoutes:
    """The room's doors.

    Args:
        reports: The room.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def table(self) -> Sequence[Route]:
        """What is mounted."""
        base = "/api/v1/consults/{id}"
        write, read = Permission.REPORT_WRITE, Permission.REPORT_READ
        return [
            get(f"{base}/report", self.show, read, answer=StandingAnswer, summary="Draft, lock and signed versions"),
            put(f"{base}/report", self.save, write, body=DraftBody, answer=DraftAnswer, summary="Save what was typed"),
            get(f"{base}/report.pdf", self.pdf, read, query=PdfQuery, summary="The signed PDF, or the draft's preview"),
            post(
                f"{base}/report/lock", self.lock, write, body=LockBody, answer=LockAnswerBody, summary="Begin writing"
            ),
            delete(f"{base}/report/lock", self.unlock, write, status=204, summary="Stop writing"),
            post(f"{base}/report/sign", self.sign, write, body=SignBody, answer=ReportAnswer, summary="Sign"),
            post(f"{base}/report/amend", self.amend, write, body=ReasonBody, answer=DraftAnswer, summary="Amend"),
            post(f"{base}/report/audit", self.to_audit, write, body=VersionBody, status=204, summary="Hand to audit"),
            post(f"{base}/report/reject", self.reject, write, body=ReasonBody, status=204, summary="Give back"),
            get(f"{base}/phrases", self.phrases, write, answer=PhraseList, summary="Ready-made texts"),
            get(f"{base}/key-images", self.images, read, answer=KeyImageList, summary="Chosen frames"),
            post(
                f"{base}/key-images",
                self.add_image,
                write,
                body=KeyImageBody,
                answer=KeyImageAnswer,
                status=201,
                creates=True,
                summary="Choose a frame",
            ),
            delete(f"{base}/key-images/{{image}}", self.remove_image, write, status=204, summary="Take a frame out"),
            # Public: whoever holds a paper or a file may check it. The file says nothing that the asker has not.
            post(
                "/api/v1/verify",
                self.verify,
                Public.PUBLIC,
                answer=VerdictAnswer,
                max_bytes=MAX_FILE_BYTES + (1 << 16),
                summary="Whether a PDF is genuine",
            ),
            # Public: the code stands on the paper; the answer names no patient.
            get("/api/v1/verify/{code}", self.code, Public.PUBLIC, answer=CodeAnswer, summary="What a code stands for"),
            # Public: the certificate a stranger needs to check a file without us.
            get("/api/v1/verify-authority.pem", self.authority, Public.PUBLIC, summary="Certificate of the authority"),
        ]

    async def show(self, request: web.Request) -> StandingAnswer:
        """GET report."""
        found = await self._reports.standing(actor_of(request), request.match_info["id"])
        return StandingAnswer.model_validate(found)

    async def save(self, request: web.Request) -> DraftAnswer:
        """PUT report."""
        body = body_of(request, DraftBody)
        where = request.match_info["id"]
        saved = await self._reports.save_draft(actor_of(request), where, body.version, body.changes())
        return DraftAnswer.model_validate(saved)

    async def pdf(self, request: web.Request) -> web.StreamResponse:
        """GET report.pdf."""
        query = query_of(request, PdfQuery)
        where = request.match_info["id"]
        if query.draft:
            file = await self._reports.preview(actor_of(request), where)
        else:
            file = await self._reports.pdf(actor_of(request), where, query.version)
        return _sent(request, file, download=query.download is not None)

    async def lock(self, request: web.Request) -> LockAnswerBody:
        """POST lock."""
        body = body_of(request, LockBody)
        lock = await self._reports.take_lock(actor_of(request), request.match_info["id"], by_force=body.force)
        return LockAnswerBody.model_validate(lock)

    async def unlock(self, request: web.Request) -> web.Response:
        """DELETE lock."""
        await self._reports.release_lock(actor_of(request), request.match_info["id"])
        return web.Response(status=204)

    async def sign(self, request: web.Request) -> ReportAnswer:
        """POST sign."""
        body = body_of(request, SignBody)
        password = body.password.get_secret_value()
        where = request.match_info["id"]
        signed = await self._reports.sign(actor_of(request), where, body.version, password, reason=body.reason)
        return ReportAnswer.model_validate(signed)

    async def amend(self, request: web.Request) -> DraftAnswer:
        """POST amend."""
        body = body_of(request, ReasonBody)
        draft = await self._reports.amend(actor_of(request), request.match_info["id"], body.reason)
        return DraftAnswer.model_validate(draft)

    async def to_audit(self, request: web.Request) -> web.Response:
        """POST audit."""
        body = body_of(request, VersionBody)
        await self._reports.submit_for_audit(actor_of(request), request.match_info["id"], body.version)
        return web.Response(status=204)

    async def reject(self, request: web.Request) -> web.Response:
        """POST reject."""
        body = body_of(request, ReasonBody)
        await self._reports.reject_audit(actor_of(request), request.match_info["id"], body.reason, body.version)
        return web.Response(status=204)

    async def phrases(self, request: web.Request) -> PhraseList:
        """GET phrases."""
        found = await self._reports.phrases(actor_of(request), request.match_info["id"])
        return PhraseList(items=[PhraseAnswer.model_validate(each) for each in found])

    async def images(self, request: web.Request) -> KeyImageList:
        """GET key-images."""
        found = await self._reports.key_images(actor_of(request), request.match_info["id"])
        return KeyImageList(items=[KeyImageAnswer.of(each) for each in found])

    async def add_image(self, request: web.Request) -> KeyImageAnswer:
        """POST key-images."""
        body = body_of(request, KeyImageBody)
        image = NewImage(**body.model_dump())
        return KeyImageAnswer.of(await self._reports.add_key_image(actor_of(request), request.match_info["id"], image))

    async def remove_image(self, request: web.Request) -> web.Response:
        """DELETE key-images."""
        where = request.match_info
        await self._reports.remove_key_image(actor_of(request), where["id"], where["image"])
        return web.Response(status=204)

    async def verify(self, request: web.Request) -> VerdictAnswer:
        """POST verify: the file itself as application/pdf, or the first file of a form."""
        raw = await read_body(request, MAX_FILE_BYTES + (1 << 16))
        if request.content_type == "multipart/form-data":
            parts = multipart.parse(request.headers[hdrs.CONTENT_TYPE], raw)
            files = [part.content for _, part in parts if isinstance(part, multipart.UploadedFile)]
            if not files:
                raise Refused("Please choose a file.", code="no_file")
            raw = files[0]
        return VerdictAnswer.model_validate(await self._reports.verify(raw))

    async def code(self, request: web.Request) -> CodeAnswer:
        """GET verify."""
        return CodeAnswer.model_validate(await self._reports.by_code(request.match_info["code"]))

    async def authority(self, request: web.Request) -> web.Response:
        """GET the certificate."""
        return web.Response(body=self._reports.authority, content_type="application/x-pem-file")


def _sent(request: web.Request, file: PdfFile, *, download: bool) -> web.StreamResponse:
    disposition = "attachment" if download else "inline"
    headers = {
        hdrs.CONTENT_DISPOSITION: f'{disposition}; filename="{file.name}"',
        hdrs.CACHE_CONTROL: "private, no-cache",
    }
    if file.sha256:
        headers[hdrs.ETAG] = f'"{file.sha256}"'
        given = request.if_none_match
        if given and any(each.value == file.sha256 for each in given):
            return web.Response(status=304, headers=headers)
    return web.Response(body=file.content, content_type="application/pdf", headers=headers)
