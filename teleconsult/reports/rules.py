"""Decides who may write and sign an opinion, what it must hold, and how versions are chained. Pure."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from teleconsult.consults.state import Party, State
from teleconsult.errors import FieldsRefused, NotAllowed, StepRefused
from teleconsult.reports.state import Finding, LockAnswer

LOCK_LASTS = timedelta(minutes=10)
"""After the last save; an open editor saves or asks again well before."""
MOST_KEY_IMAGES = 12
MOST_CHARS = 20_000
MOST_MEASUREMENTS = 60
_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # No I, O, 0, 1: it is read aloud and typed.
_CODE_CHARS = 16  # 80 bits: cannot be found by trying.
_WRITABLE = frozenset({State.ACCEPTED, State.SCHEDULED, State.IN_SESSION, State.REPORTING})
_AMENDABLE = frozenset({State.DELIVERED, State.ANSWERED, State.CLOSED})
_TURNERS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Marks that turn the direction of writing: a signed text must read as it is stored."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value, in the author's words."""

    name: str
    value: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What the author writes.

    Attributes:
        labs: Ids of lab reports whose tables are printed.
    """

    findings: str = ""
    opinion: str = ""
    suggestion: str = ""
    finding: Finding = Finding.UNSTATED
    measurements: tuple[Measurement, ...] = ()
    labs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A key image of the opinion.

    Attributes:
        frame: Counted from 1.
        window_center: With `window_width`, in output units; None: the film's own.
    """

    id: str
    study_uid: str
    series_uid: str
    instance_uid: str
    frame: int
    window_center: float | None
    window_width: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The content of a signed version, as it is hashed and sealed."""

    content: Content
    images: tuple[Chosen, ...] = field(default=())


def as_json(value: Content | Signed) -> str:
    """In one spelling, so that equal contents have equal hashes."""
    return json.dumps(asdict(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def content_from(values: Mapping[str, Any]) -> Content:
    """Back from JSON."""
    return Content(
        findings=values["findings"],
        opinion=values["opinion"],
        suggestion=values["suggestion"],
        finding=Finding(values["finding"]),
        measurements=tuple(Measurement(**each) for each in values["measurements"]),
        labs=tuple(values["labs"]),
    )


def signed_from(text: str) -> Signed:
    """Back from JSON."""
    values = json.loads(text)
    return Signed(content_from(values["content"]), tuple(Chosen(**each) for each in values["images"]))


def clean(text: str) -> str:
    """A text as it is kept: composed, one kind of line end, nothing invisible that could make it read otherwise."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(
        each
        for each in composed
        if each not in _TURNERS and (each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cs"))
    )


def refuse_incomplete(content: Content) -> None:
    """An opinion needs findings and an opinion before it leaves the author's hands.

    Raises:
        FieldsRefused: What is missing.
    """
    wrong = {}
    if not content.findings.strip():
        wrong["findings"] = "Please write what you see."
    if not content.opinion.strip():
        wrong["opinion"] = "Please write your opinion."
    if wrong:
        raise FieldsRefused(wrong)


def refuse_writer(state: State, parties: Sequence[Party], *, amending: bool) -> None:
    """Only the lead writes, from taking the case on until it is signed, and only the signer amends afterwards.

    Raises:
        StepRefused: Not in this state.
        NotAllowed: Not this person.
    """
    writer = Party.SIGNER if amending else Party.SPECIALIST
    if writer not in parties:
        raise NotAllowed("Only the specialist of this consult writes the report.")
    if state not in (_AMENDABLE if amending else _WRITABLE):
        raise StepRefused("The report cannot be written now. Look at the present state first.")


def may_read_draft(parties: Sequence[Party]) -> bool:
    """Drafts are for those who write and audit, never for the side that asked."""
    return bool({Party.SPECIALIST, Party.MEMBER, Party.AUDITOR, Party.SIGNER} & set(parties))


def lock_for(
    holder: str | None, held_until: datetime | None, person: str, now: datetime, *, may_break: bool
) -> LockAnswer:
    """What becomes of a wish for the lock.

    Args:
        holder: Who has it now, or None.
        held_until: When that ends by itself.
        person: Who wants it.
        now: The moment.
        may_break: They may take it from the holder, and said that they will.
    """
    if holder is None or held_until is None or held_until <= now:
        return LockAnswer.TAKEN
    if holder == person:
        return LockAnswer.KEPT
    return LockAnswer.BROKEN if may_break else LockAnswer.HELD


def code_from(random: bytes) -> str:
    """A verification code, `ABCD-EFGH-JKLM-NPQR`, from at least 10 random bytes."""
    number = int.from_bytes(random[:10], "big")
    letters = "".join(_CODE_ALPHABET[number >> (5 * place) & 31] for place in range(_CODE_CHARS))
    return "-".join(letters[start : start + 4] for start in range(0, _CODE_CHARS, 4))


def normal_code(text: str) -> str:
    """A code as somebody typed it, in the form it is kept; "" when it is none."""
    letters = "".join(each for each in text.upper() if each.isalnum())
    if len(letters) != _CODE_CHARS or not set(letters) <= set(_CODE_ALPHABET):
        return ""
    return "-".join(letters[start : start + 4] for start in range(0, _CODE_CHARS, 4))


def link(previous: str, facts: Mapping[str, str | int]) -> str:
    """The hash that chains a version to the one before it.

    Args:
        previous: The link of the version before, "" for the first.
        facts: What of the version is chained: plain texts and numbers.
    """
    line = json.dumps({"previous": previous, **facts}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()
