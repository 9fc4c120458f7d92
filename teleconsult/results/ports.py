"""What this room needs from the archive of lab reports, in the clinic's own words."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from teleconsult.actor import Actor
from teleconsult.errors import Refused


@dataclass(frozen=True, slots=True)
class NewResult:
    """One line as somebody typed it.

    Attributes:
        code: LOINC where `system` is "LN", "" where it is not known.
        range: As the laboratory printed it.
    """

    name: str
    value: str
    unit: str = ""
    range: str = ""
    code: str = ""
    system: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report as somebody typed it.

    Attributes:
        birth_date: ISO 8601, "" when not known.
        title: Name of the panel.
        reference: The consult it was typed for: it finds its way even if the server dies in between.
    """

    patient_name: str
    patient_number: str
    sex: str
    birth_date: str
    title: str
    results: tuple[NewResult, ...]
    reference: str
    specimen: str = ""
    collected_at: datetime | None = None
    reported_at: datetime | None = None
    laboratory: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """One line as it is kept.

    Attributes:
        value: As the sender wrote it.
        number: The value where it is one number.
        low: With `high`, the reading of the sender's range.
        flags: The sender's codes.
        computed: The archive's own flag (N, L, H, LL, HH, A, AA), "" where it cannot say.
        computed_from: "range" or "typical".
    """

    name: str
    value: str
    unit: str = ""
    code: str = ""
    system: str = ""
    number: Decimal | None = None
    range: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    flags: tuple[str, ...] = ()
    computed: str = ""
    computed_from: str = ""
    critical: bool = False
    observed_at: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as it is kept.

    Attributes:
        taken_at: When the specimen was collected, else reported, else received.
        replaced_by: The newer version; "" for the current one.
    """

    id: str
    institution: str
    title: str
    taken_at: datetime
    received_at: datetime
    results: tuple[KeptResult, ...]
    laboratory: str = ""
    specimen: str = ""
    status: str = "final"
    version: int = 1
    replaced_by: str = ""
    comment: str = ""
    notices: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Analyte:
    """What is commonly measured: helps a person typing.

    Attributes:
        code: LOINC.
        range: Typical for adults, as text.
    """

    code: str
    abbreviation: str
    name_zh: str
    name_en: str
    unit: str
    range: str = ""


class LabStore(Protocol):
    """The house of lab reports."""

    async def add(self, actor: Actor, report: NewReport) -> str:
        """Keep a report for the actor's institution and give its id; the same report twice is one.

        Raises:
            Refused: It cannot be kept; says which field.
        """

    async def read(self, ids: Collection[str]) -> list[KeptReport]:
        """Those of the reports it holds, with flags computed; rights were judged before."""

    def analytes(self) -> tuple[Analyte, ...]:
        """The bundled table."""


class NoLabStore:
    """A site without an archive."""

    async def add(self, actor: Actor, report: NewReport) -> str:
        """Nothing can be kept."""
        raise Refused("This site keeps no lab reports.", code="no_labs")

    async def read(self, ids: Collection[str]) -> list[KeptReport]:
        """Nothing is there."""
        return []

    def analytes(self) -> tuple[Analyte, ...]:
        """None."""
        return ()
