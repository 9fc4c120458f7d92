"""How a consult's texts are kept: sealed with their row, so that none can be read or moved in a stolen file."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from teleconsult.consults.models import AskedItem, Clip, Consult, Entry
from teleconsult.vault import Vault


@dataclass(frozen=True, slots=True)
class Content:
    """What the requester wrote beside the question."""

    history: str = ""
    working_diagnosis: str = ""
    local_conclusion: str = ""
    anticoagulants: str = ""
    wished_time: str = ""
    incomplete_reason: str = ""
    consent_how: str = ""
    consent_by: str = ""
    consent_name: str = ""
    consent_language: str = ""

    def with_changes(self, changes: Mapping[str, Any]) -> "Content":
        """A copy with those of the changes that are texts of this kind; None empties one."""
        known = {field.name for field in fields(self)}
        return replace(self, **{name: str(value or "") for name, value in changes.items() if name in known})


class Sealing:
    """Seals and opens the room's texts.

    Args:
        vault: With the site's keys.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def question(self, consult_id: str, sealed: bytes) -> str:
        """The question of a consult."""
        return self._vault.open(sealed, f"consults/{consult_id}/question")

    def content(self, consult: Consult) -> Content:
        """All else that the requester wrote."""
        return Content(**json.loads(self._vault.open(consult.content, f"consults/{consult.id}/content")))

    def write(self, consult: Consult, question: str, content: Content) -> None:
        """Put both texts into the record."""
        told = json.dumps(asdict(content), ensure_ascii=False)
        consult.question = self._vault.seal(question, f"consults/{consult.id}/question")
        consult.content = self._vault.seal(told, f"consults/{consult.id}/content")

    def seal_diagnosis(self, consult_id: str, text: str) -> bytes:
        """The final diagnosis."""
        return self._vault.seal(text, f"consults/{consult_id}/final_diagnosis")

    def diagnosis(self, consult: Consult) -> str:
        """The final diagnosis, "" before it is known."""
        sealed = consult.final_diagnosis
        return self._vault.open(sealed, f"consults/{consult.id}/final_diagnosis") if sealed else ""

    def seal_body(self, consult_id: str, number: int, body: Mapping[str, Any]) -> bytes:
        """What an entry says."""
        return self._vault.seal(json.dumps(dict(body), ensure_ascii=False), f"consult_entries/{consult_id}/{number}")

    def seal_clip(self, consult_id: str, number: int, sound: bytes) -> bytes:
        """What was spoken."""
        return self._vault.seal(b64encode(sound).decode(), f"consult_clips/{consult_id}/{number}")

    def clip(self, clip: Clip) -> bytes:
        """What was spoken."""
        return b64decode(self._vault.open(clip.content, f"consult_clips/{clip.consult_id}/{clip.number}"))

    def body(self, entry: Entry) -> dict[str, Any]:
        """What an entry says, {} where it says nothing."""
        if entry.body is None:
            return {}
        told: dict[str, Any] = json.loads(
            self._vault.open(entry.body, f"consult_entries/{entry.consult_id}/{entry.number}")
        )
        return told

    def seal_item(self, consult_id: str, number: int, column: str, text: str) -> bytes:
        """A text of an item that was asked for."""
        return self._vault.seal(text, f"consult_asked_items/{consult_id}/{number}/{column}")

    def item_text(self, item: AskedItem) -> str:
        """What was asked for."""
        return self._vault.open(item.text, f"consult_asked_items/{item.consult_id}/{item.number}/text")

    def item_reason(self, item: AskedItem) -> str:
        """Why it was not given, "" where it was."""
        sealed = item.reason
        return self._vault.open(sealed, f"consult_asked_items/{item.consult_id}/{item.number}/reason") if sealed else ""
