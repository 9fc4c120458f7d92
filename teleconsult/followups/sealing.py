"""A visit's texts, sealed with their row."""

import json
from dataclasses import asdict, dataclass, replace

from teleconsult.followups.models import Visit
from teleconsult.vault import Vault


@dataclass(frozen=True, slots=True)
class Texts:
    """What people wrote.

    Attributes:
        reason: What the visit is about; the patient reads it.
        note_to_patient: What the patient should do before.
        note: The doctor's, for the record.
        said: The doctor's words for the patient.
        next_step: What comes next; the patient reads it.
        because: Why it was cancelled or did not take place.
    """

    reason: str = ""
    note_to_patient: str = ""
    note: str = ""
    said: str = ""
    next_step: str = ""
    because: str = ""

    def changed(self, **texts: str) -> "Texts":
        """A copy with those that are not empty."""
        return replace(self, **{name: text for name, text in texts.items() if text})


def read(vault: Vault, visit: Visit) -> Texts:
    """Open them."""
    return Texts(**json.loads(vault.open(visit.texts, f"visits/{visit.id}/texts")))


def write(vault: Vault, visit: Visit, texts: Texts) -> None:
    """Put them into the record."""
    visit.texts = vault.seal(json.dumps(asdict(texts), ensure_ascii=False), f"visits/{visit.id}/texts")
