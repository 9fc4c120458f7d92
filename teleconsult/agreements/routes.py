"""JSON doors of agreements and consent texts."""

from datetime import date

from aiohttp import web
from pydantic import Field

from teleconsult.actor import Permission
from teleconsult.agreements.models import Agreement
from teleconsult.agreements.service import AgreementFields, Agreements
from teleconsult.agreements.state import ConsentPurpose, Language
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, body_of, query_of
from teleconsult.http.routing import Route, get, post

_MOST_FEN = 10_000_000


class NewAgreement(Incoming):
    """An agreement to be recorded; fees in fen."""

    inviting_id: str = Field(min_length=1, max_length=36)
    invited_id: str = Field(min_length=1, max_length=36)
    title: str = Field(min_length=1, max_length=200)
    starts_on: date
    ends_on: date | None = None
    fee_fen: int = Field(0, ge=0, le=_MOST_FEN)
    fees_fen: dict[str, int] = Field(default_factory=dict, max_length=20)


class AgreementAnswer(Outgoing):
    """An agreement."""

    id: str
    inviting_id: str
    invited_id: str
    title: str
    starts_on: date
    ends_on: date | None
    fee_fen: int

    @classmethod
    def of(cls, row: Agreement) -> "AgreementAnswer":
        """From the record."""
        return cls.model_validate(row)


class AgreementList(Outgoing):
    """The institution's agreements."""

    items: list[AgreementAnswer]


class Made(Outgoing):
    """The id of what was made."""

    id: str


class TextQuery(Incoming):
    """Which consent text."""

    purpose: ConsentPurpose = ConsentPurpose.CONSULT
    language: Language = Language.CHINESE


class TextAnswer(Outgoing):
    """The consent text in force."""

    purpose: ConsentPurpose
    language: Language
    version: int
    body: str


class NewText(Incoming):
    """A new version of a consent text."""

    purpose: ConsentPurpose = ConsentPurpose.CONSULT
    language: Language = Language.CHINESE
    body: str = Field(min_length=20, max_length=20_000)


class AgreementRoutes:
    """The doors of this room."""

    def __init__(self, agreements: Agreements) -> None:
        self._agreements = agreements

    def table(self) -> list[Route]:
        """All routes."""
        return [
            get("/api/v1/agreements", self._list, Permission.CONSULT_READ, answer=AgreementList, summary="Agreements"),
            post(
                "/api/v1/agreements",
                self._add,
                Permission.SETTINGS_WRITE,
                body=NewAgreement,
                answer=Made,
                status=201,
                creates=True,
                summary="Record an agreement",
            ),
            get(
                "/api/v1/consent-texts/current",
                self._text,
                Permission.CONSULT_READ,
                query=TextQuery,
                answer=TextAnswer,
                summary="The consent text in force",
            ),
            post(
                "/api/v1/consent-texts",
                self._add_text,
                Permission.SETTINGS_WRITE,
                body=NewText,
                answer=TextAnswer,
                status=201,
                creates=True,
                summary="Put a new consent text into force",
            ),
        ]

    async def _list(self, request: web.Request) -> AgreementList:
        rows = await self._agreements.agreements_of(actor_of(request))
        return AgreementList(items=[AgreementAnswer.of(row) for row in rows])

    async def _add(self, request: web.Request) -> Made:
        body = body_of(request, NewAgreement)
        fields = AgreementFields(
            body.inviting_id,
            body.invited_id,
            body.title,
            body.starts_on,
            body.ends_on,
            body.fee_fen,
            tuple(body.fees_fen.items()),
        )
        return Made(id=await self._agreements.add_agreement(actor_of(request), fields))

    async def _text(self, request: web.Request) -> TextAnswer:
        query = query_of(request, TextQuery)
        text = await self._agreements.current_text(actor_of(request).institution, query.purpose, query.language)
        return TextAnswer.model_validate(text)

    async def _add_text(self, request: web.Request) -> TextAnswer:
        body, actor = body_of(request, NewText), actor_of(request)
        await self._agreements.add_consent_text(actor, body.purpose, body.language, body.body)
        return TextAnswer.model_validate(
            await self._agreements.current_text(actor.institution, body.purpose, body.language)
        )
