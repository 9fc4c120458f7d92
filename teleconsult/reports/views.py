"""What leaves this room: plain values for pages, JSON and other rooms."""

from dataclasses import dataclass
from datetime import datetime

from teleconsult.reports.rules import Chosen, Content
from teleconsult.reports.state import Finding


@dataclass(frozen=True, slots=True)
class LockView:
    """Who is writing.

    Attributes:
        mine: The asker has it.
    """

    holder_id: str
    holder_name: str
    mine: bool
    taken_at: datetime
    held_until: datetime


@dataclass(frozen=True, slots=True)
class DraftView:
    """What is being written.

    Attributes:
        version: Rises with every save; 0 before the first.
        amends: The signed version this will amend; 0 for none.
    """

    consult_id: str
    version: int
    content: Content
    images: tuple[Chosen, ...]
    author_id: str
    author_name: str
    saved_at: datetime | None
    amends: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """A signed version.

    Attributes:
        current: No newer version names it.
    """

    id: str
    consult_id: str
    version: int
    replaces_id: str | None
    current: bool
    content: Content
    images: tuple[Chosen, ...]
    reason: str
    author_id: str
    author_name: str
    signer_id: str
    signer_name: str
    signed_at: datetime
    code: str
    pdf_sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a page of the report shows.

    Attributes:
        may_write: The asker may write now (the lock still has to be theirs).
        may_break: The asker may take the lock from its holder.
    """

    consult_id: str
    draft: DraftView | None
    lock: LockView | None
    reports: tuple[ReportView, ...]
    may_write: bool
    may_break: bool


@dataclass(frozen=True, slots=True)
class PdfFile:
    """A file to send."""

    name: str
    content: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class CodeView:
    """What anybody may learn from a verification code: no patient, no text.

    Attributes:
        superseded_by: The newest version of the same consult; 0 when this is it.
    """

    code: str
    version: int
    signed_at: datetime
    institution: str
    pdf_sha256: str
    superseded_by: int
    finding: Finding = Finding.UNSTATED
