"""Pages by which anybody checks an opinion: by its file, or by the code on the paper."""

from aiohttp import web
from pydantic import Field

from teleconsult.errors import Refused
from teleconsult.http.bodies import N_, Incoming
from teleconsult.http.forms import UploadedFile, raw_form
from teleconsult.http.guard import query_of
from teleconsult.http.i18n import ZONE, full_time, language_of, translate
from teleconsult.http.jinja import page
from teleconsult.http.routing import Public, Route, get, post
from teleconsult.reports.checker import MAX_FILE_BYTES
from teleconsult.reports.service import Reports
from teleconsult.reports.state import Verdict, VerdictReason
from teleconsult.reports.views import CodeView

_VERDICTS: dict[VerdictReason, str] = {
    VerdictReason.GENUINE: N_("This is, byte for byte, an opinion that was signed here."),
    VerdictReason.NOT_A_PDF: N_("This file is not a PDF that can be read."),
    VerdictReason.NOT_SIGNED: N_("This PDF carries no signature: it is not an opinion of this site."),
    VerdictReason.CHANGED: N_("This file was changed after it was signed. Do not rely on it."),
    VerdictReason.UNKNOWN_SIGNER: N_("This PDF is signed, but not by this site."),
}


class VerifyQuery(Incoming):
    """The code on the paper."""

    code: str = Field("", max_length=60)


class CheckPages:
    """The pages."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def table(self) -> list[Route]:
        """All routes."""
        anybody = Public.PUBLIC  # whoever holds a file or paper may check it
        most = MAX_FILE_BYTES + (1 << 16)
        return [
            get("/verify", self.verify, anybody, query=VerifyQuery, page=True, summary="Check an opinion"),
            get("/verify/{code}", self.by_code, anybody, page=True, summary="What a code stands for"),
            post("/verify", self.check, anybody, page=True, max_bytes=most, summary="Check a file"),
        ]

    async def verify(self, request: web.Request) -> web.Response:
        """The page for anybody; with a code, what it stands for."""
        code = query_of(request, VerifyQuery).code
        return await self._told_by_code(request, code) if code else _verify_page(request)

    async def by_code(self, request: web.Request) -> web.Response:
        """Where the QR code on the paper leads."""
        return await self._told_by_code(request, request.match_info["code"][:60])

    async def check(self, request: web.Request) -> web.Response:
        """Look at a file and forget it."""
        files = [part for _, part in await raw_form(request) if isinstance(part, UploadedFile)]
        if not files:
            return _verify_page(request, error=N_("Please choose a file."), status=422)
        verdict = await self._reports.verify(files[0].content)
        facts = _facts(request, verdict) if verdict.genuine else []
        return _verify_page(request, good=verdict.genuine, text=_VERDICTS[verdict.reason], facts=facts)

    async def _told_by_code(self, request: web.Request, code: str) -> web.Response:
        try:
            found = await self._reports.by_code(code)
        except Refused:
            return _verify_page(request, text=N_("No opinion of this site carries this code."), status=404)
        text = N_("This code belongs to an opinion of this site. Choose its PDF to compare every byte.")
        if found.superseded_by:
            text = N_("This code belongs to an older version of an opinion of this site; a newer one replaces it.")
        return _verify_page(request, good=not found.superseded_by, text=text, facts=_code_facts(request, found))


def _facts(request: web.Request, verdict: Verdict) -> list[tuple[str, str]]:
    signed = full_time(verdict.signed_at, request.config_dict[ZONE]) if verdict.signed_at else ""
    told = (
        (N_("Sealed by the site"), verdict.signer),
        (N_("Signed at"), signed),
        (N_("Consult number"), verdict.number),
    )
    version = (N_("Version"), str(verdict.version) if verdict.version else "")
    return [(translate(label, language_of(request)), text) for label, text in (*told, version) if text]


def _code_facts(request: web.Request, found: CodeView) -> list[tuple[str, str]]:
    language = language_of(request)
    told = (
        (N_("Code"), found.code),
        (N_("Institution"), found.institution),
        (N_("Signed at"), full_time(found.signed_at, request.config_dict[ZONE])),
        (N_("Version"), str(found.version)),
    )
    return [(translate(label, language), text) for label, text in told]


def _verify_page(
    request: web.Request,
    *,
    good: bool = False,
    text: str = "",
    facts: list[tuple[str, str]] | None = None,
    error: str = "",
    status: int = 200,
) -> web.Response:
    language = language_of(request)
    verdict = {"good": good, "text": translate(text, language), "facts": facts or []} if text else None
    told = translate(error, language) if error else ""
    return page(request, "reports/verify.html", status=status, verdict=verdict, error=told)
