"""Pure: which films were looked at while a call was recorded, as one more track of the recording: a line for each look.

Whoever shares says what they look at under the topic `view`. Only figures and the films' own numbers are kept of it,
never words; at most one line a second, of which the last look wins. A line is JSON with `at_ms` of the recording's
time, `by`, and the fields of `View`; one without a film says that nothing is shown any more.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signaling.media.tape import Piece

_EVERY_MS = 1_000

_Uid = Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")]
_Grey = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


class View(BaseModel):
    """One look: what stands on the screen of whoever shares it.

    Attributes:
        center: Of the window, in the film's own greys.
        width: Of the window.
        x: Where the pointer is, as a share of the picture's width.
        y: The same of its height.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    study: _Uid
    series: _Uid
    instance: _Uid
    frame: Annotated[int, Field(ge=1, le=100_000)] = 1
    center: _Grey | None = None
    width: _Grey | None = None
    x: _Share | None = None
    y: _Share | None = None


class Lines:
    """What a file of looks holds, told as the exchange tells of any file."""

    codec: Final = "view"
    suffix: Final = "jsonl"


class Views:
    """The track.

    Args:
        began_s: When the recording began, monotonic seconds.
    """

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._begun = False
        self._last: dict[str, Any] = {}
        self._last_ms = -_EVERY_MS
        self._waiting: list[Piece] = []

    def look(self, shared: Mapping[str, Any] | None, now_s: float) -> None:
        """What is shared now; None where nothing is. Words that are no look are left out."""
        at_ms = int(1000 * (now_s - self._began_s))
        seen = _seen(shared)
        if seen == self._last or at_ms - self._last_ms < _EVERY_MS:
            return
        self._last, self._last_ms = seen, at_ms
        line = json.dumps({"at_ms": at_ms, **seen}).encode() + b"\n"
        self._waiting.append(Piece(line, None if self._begun else Lines(), at_ms))
        self._begun = True

    def pieces(self) -> list[Piece]:
        """What was seen since the last look."""
        made, self._waiting = self._waiting, []
        return made


def _seen(shared: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        view = View.model_validate(shared)
    except ValidationError:
        return {}
    return {"by": str((shared or {}).get("participant", "")), **view.model_dump(exclude_none=True)}
