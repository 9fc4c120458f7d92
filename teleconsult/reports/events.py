"""What the room tells after a commit. Plain words and ids only."""

from dataclasses import dataclass

from teleconsult.events import Event


@dataclass(frozen=True, slots=True)
class ReportSigned(Event):
    """An opinion was signed, or amended.

    Attributes:
        amends: The version it replaces; 0 for none.
    """

    consult: str
    report: str
    version: int
    amends: int
    signer: str
    institution: str
    finding: str
