"""Between this room's records and its values: texts and files are sealed with the row they belong to."""

import base64
import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.reports.models import KeyImage, Report, ReportDraft, ReportFile
from teleconsult.reports.rules import Chosen, Content, Signed, as_json, content_from, signed_from
from teleconsult.vault import Vault


class Sealing:
    """Seals and opens.

    Args:
        vault: With the site's keys.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keep_draft(self, draft: ReportDraft, content: Content) -> None:
        """Put a content into a draft's row."""
        draft.content = self._vault.seal(as_json(content), f"report_drafts/{draft.consult_id}/content")

    def content(self, draft: ReportDraft) -> Content:
        """What a draft says."""
        return content_from(json.loads(self._vault.open(draft.content, f"report_drafts/{draft.consult_id}/content")))

    def text(self, text: str, row: str) -> bytes | None:
        """Seal a short text; None for an empty one."""
        return self._vault.seal(text, row) if text else None

    def opened(self, sealed: bytes | None, row: str) -> str:
        """Open a short text; "" for None."""
        return self._vault.open(sealed, row) if sealed is not None else ""

    def signed(self, report: Report) -> Signed:
        """What a signed version says."""
        return signed_from(self._vault.open(report.content, f"reports/{report.id}/content"))

    def signed_bytes(self, report_id: str, signed: Signed) -> bytes:
        """A signed version's content for its row."""
        return self._vault.seal(as_json(signed), f"reports/{report_id}/content")

    def file(self, report_id: str, pdf: bytes) -> ReportFile:
        """The row that holds a PDF."""
        sealed = self._vault.seal(base64.b64encode(pdf).decode(), f"report_files/{report_id}")
        return ReportFile(report_id=report_id, sealed=sealed, size_bytes=len(pdf))

    def pdf(self, file: ReportFile) -> bytes:
        """The PDF in a row."""
        return base64.b64decode(self._vault.open(file.sealed, f"report_files/{file.report_id}"))

    def chosen(self, image: KeyImage) -> Chosen:
        """A key image with its note."""
        return Chosen(
            id=image.id,
            study_uid=image.study_uid,
            series_uid=image.series_uid,
            instance_uid=image.instance_uid,
            frame=image.frame,
            window_center=image.window_center,
            window_width=image.window_width,
            note=self._vault.open(image.note, f"report_key_images/{image.id}/note"),
        )

    def note(self, image_id: str, note: str) -> bytes:
        """A key image's note for its row."""
        return self._vault.seal(note, f"report_key_images/{image_id}/note")

    async def images(self, session: AsyncSession, consult_id: str) -> tuple[Chosen, ...]:
        """The key images chosen for a consult's next version, in the order they were chosen."""
        rows = await session.scalars(select(KeyImage).where(KeyImage.consult_id == consult_id).order_by(KeyImage.id))
        return tuple(self.chosen(row) for row in rows)
