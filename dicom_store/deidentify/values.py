"""What stands where a value was: dummies by value representation, UIDs, pseudonyms and dates that stay consistent.

Everything consistent comes out of one secret: with the same secret the same patient, study and film get the same new
names in every run, and without it nobody finds the way back. Pure.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

_STANDARD_ROOT = "1.2.840.10008."
_DAYS = 3650

_DUMMIES: dict[str, Any] = {
    "AE": "REMOVED", "AS": "000Y", "CS": "REMOVED", "DA": "19000101", "DS": "0", "DT": "19000101000000", "FD": 0.0,
    "FL": 0.0, "IS": "0", "LO": "REMOVED", "LT": "REMOVED", "OB": b"\0\0", "OW": b"\0\0", "PN": "REMOVED",
    "SH": "REMOVED", "SL": 0, "SS": 0, "ST": "REMOVED", "TM": "000000", "UC": "REMOVED", "UL": 0, "UN": b"",
    "UR": "urn:removed", "US": 0, "UT": "REMOVED",
}  # fmt: skip


def dummy(vr: str) -> Any:
    """A value that says nothing; None where there is none of this representation."""
    return _DUMMIES.get(vr)


class Names:
    """Gives new names.

    Args:
        secret: At least 16 bytes.

    Raises:
        ValueError: It is shorter.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("The secret must have at least 16 bytes.")
        self._secret = secret

    def uid(self, old: str) -> str:
        """The new UID of an old one; those of the standard stay."""
        if not old or old.startswith(_STANDARD_ROOT):
            return old
        # PS3.5 B.2: 2.25 and a 128-bit number.
        return f"2.25.{int.from_bytes(self._digest('uid', old)[:16], 'big')}"

    def patient(self, old: str) -> str:
        """A pseudonym of a patient number."""
        return f"T{int.from_bytes(self._digest('patient', old)[:6], 'big'):015d}"

    def days(self, patient: str) -> int:
        """By how many days a patient's dates go back: 1 to 3650."""
        return 1 + int.from_bytes(self._digest("days", patient)[:4], "big") % _DAYS

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.new(self._secret, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()


def shifted(vr: str, text: str, days: int) -> str:
    """A date or a date with time, moved back; times stay; what is neither is emptied."""
    if vr == "TM":
        return text
    if vr not in {"DA", "DT"}:
        return ""
    try:
        day = datetime.strptime(text[:8], "%Y%m%d") - timedelta(days=days)  # noqa: DTZ007  a date has no zone
    except (ValueError, OverflowError):
        return ""
    return f"{day:%Y%m%d}{text[8:]}" if day.year >= 1000 else ""
