"""JSON doors of results."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, Field, StringConstraints

from teleconsult.actor import Permission
from teleconsult.http.bodies import Incoming, Outgoing
from teleconsult.http.guard import actor_of, body_of
from teleconsult.http.routing import Route, get, post
from teleconsult.results.ports import NewResult
from teleconsult.results.service import LabFields, Results

_Short = Annotated[str, StringConstraints(max_length=200)]
_Long = Annotated[str, StringConstraints(max_length=4000)]
_MOST_RESULTS = 300


class ResultBody(Incoming):
    """One line as the laboratory printed it."""

    name: _Short
    value: _Short
    unit: _Short = ""
    range: _Short = ""
    code: _Short = ""
    comment: _Long = ""


class LabBody(Incoming):
    """A lab report typed for a consult."""

    title: _Short = ""
    results: list[ResultBody] = Field(min_length=1, max_length=_MOST_RESULTS)
    specimen: _Short = ""
    collected_at: AwareDatetime | None = None
    reported_at: AwareDatetime | None = None
    laboratory: _Short = ""
    comment: _Long = ""

    def fields(self) -> LabFields:
        """As the room takes it."""
        return LabFields(
            title=self.title,
            results=tuple(
                NewResult(
                    each.name, each.value, each.unit, each.range, each.code, "LN" if each.code else "", each.comment
                )
                for each in self.results
            ),
            specimen=self.specimen,
            collected_at=self.collected_at,
            reported_at=self.reported_at,
            laboratory=self.laboratory,
            comment=self.comment,
        )


class PointAnswer(Outgoing):
    """A value in time."""

    at: datetime
    value: Decimal


class RowAnswer(Outgoing):
    """A result; `flag` is shown, `sent` and `computed` say where it comes from."""

    name: str
    name_en: str
    code: str
    value: str
    unit: str
    range: str
    low: Decimal | None
    high: Decimal | None
    flag: str
    arrow: str
    sent: list[str]
    computed: str
    computed_from: str
    differs: bool
    critical: bool
    comment: str
    trend: list[PointAnswer]


class TableAnswer(Outgoing):
    """A lab report."""

    id: str
    title: str
    taken_at: datetime
    received_at: datetime
    laboratory: str
    specimen: str
    status: str
    version: int
    comment: str
    notices: list[str]
    critical: int
    abnormal: int
    rows: list[RowAnswer]


class LabList(Outgoing):
    """A consult's lab reports, the newest first."""

    items: list[TableAnswer]


class Made(Outgoing):
    """The id of what was made."""

    id: str


class AnalyteAnswer(Outgoing):
    """What is commonly measured."""

    code: str
    abbreviation: str
    name_zh: str
    name_en: str
    unit: str
    range: str


class AnalyteList(Outgoing):
    """The bundled table."""

    items: list[AnalyteAnswer]


class ResultRoutes:
    """The room's doors.

    Args:
        results: The room.
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    def table(self) -> Sequence[Route]:
        """What is mounted."""
        labs = "/api/v1/consults/{id}/labs"
        return [
            get(labs, self.show, Permission.LAB_READ, answer=LabList, summary="Lab results of a consult"),
            post(
                labs,
                self.add,
                Permission.LAB_STORE,
                body=LabBody,
                answer=Made,
                status=201,
                creates=True,
                summary="Type a lab report",
            ),
            get("/api/v1/analytes", self.analytes, Permission.LAB_READ, answer=AnalyteList, summary="Common analytes"),
        ]

    async def show(self, request: web.Request) -> LabList:
        """GET labs."""
        found = await self._results.tables_of(actor_of(request), request.match_info["id"])
        return LabList(items=[TableAnswer.model_validate(each) for each in found])

    async def add(self, request: web.Request) -> Made:
        """POST labs."""
        body = body_of(request, LabBody)
        return Made(id=await self._results.add(actor_of(request), request.match_info["id"], body.fields()))

    async def analytes(self, _request: web.Request) -> AnalyteList:
        """GET analytes."""
        return AnalyteList(items=[AnalyteAnswer.model_validate(each) for each in self._results.analytes()])
