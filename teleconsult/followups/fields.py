"""What people write into a visit, as it comes in."""

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

from teleconsult.followups.state import VisitMove
from teleconsult.http.bodies import Incoming


def _blank(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


_Moment = Annotated[AwareDatetime | None, BeforeValidator(_blank)]
_Text = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_lines)]
_Long = Annotated[str, StringConstraints(max_length=8000), AfterValidator(_lines)]
_Id = Annotated[str | None, BeforeValidator(_blank), Field(max_length=64, pattern=r"^[A-Za-z0-9._:-]+$")]


class BookFields(Incoming):
    """A new visit. Without an end it lasts a quarter of an hour; without a doctor it is the booker's."""

    starts_at: AwareDatetime
    ends_at: _Moment = None
    doctor_id: _Id = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_lines)]
    note_to_patient: _Text = ""


class VisitMoveFields(Incoming):
    """A move and what it needs; what a move does not need is ignored."""

    move: VisitMove
    version: int = Field(ge=1, le=1 << 31)
    starts_at: _Moment = None
    ends_at: _Moment = None
    reason: _Text = ""
    note: _Long = ""
    said: _Text = ""
    next_step: _Text = ""

    def given(self) -> dict[str, object]:
        """The needs by name."""
        return {name: getattr(self, name) for name in type(self).model_fields}
