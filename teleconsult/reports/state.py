"""The words of a report: how a draft and a signed version stand, and what a check of a file can say."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Finding(StrEnum):
    """Positive or negative, for quality figures; the author says which."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNSTATED = "unstated"


class LockAnswer(StrEnum):
    """What asking for the editing lock comes to."""

    TAKEN = "taken"
    KEPT = "kept"
    BROKEN = "broken"
    HELD = "held"


class VerdictReason(StrEnum):
    """Why a file is, or is not, a signed opinion of this site."""

    GENUINE = "genuine"
    NOT_A_PDF = "not_a_pdf"
    NOT_SIGNED = "not_signed"
    CHANGED = "changed"
    UNKNOWN_SIGNER = "unknown_signer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "is this file genuine?". All but `genuine` and `reason` is empty when it is not."""

    genuine: bool
    reason: VerdictReason
    signer: str = ""
    signed_at: datetime | None = None
    number: str = ""
    version: int = 0
    code: str = ""
