import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from teleconsult.audit.models import AuditRow
from teleconsult.consults.state import Move, State
from teleconsult.errors import Conflict, FieldsRefused, NotAllowed, NotFound, Refused, Stale, StepRefused
from teleconsult.events import OutboxRow
from teleconsult.reports.drafts import LockHeld, NewImage
from teleconsult.reports.models import KeyImage, Report, ReportDraft, ReportFile
from teleconsult.reports.press import GlyphsMissing
from teleconsult.reports.rules import MOST_KEY_IMAGES, Measurement
from teleconsult.reports.state import Finding, VerdictReason
from tests.builders.cases import OPINION, PASSWORD, House, a_house

IMAGE = NewImage("1.2.3", "1.2.3.4", "1.2.3.4.5", 142, -600.0, 1500.0, "分叶状结节")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def audited(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path, needs_audit=True) as made:
        yield made


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


async def state_of(house: House, consult: str) -> State:
    return (await house.consults.view(house.requester, consult)).state


async def count(house: House, what: object) -> int:
    async with house.database.read() as session:
        return await session.scalar(select(func.count()).select_from(what)) or 0  # type: ignore[arg-type]


async def signed_consult(house: House) -> str:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    return consult


async def test_from_the_first_word_to_a_delivered_pdf(house: House) -> None:
    consult = await house.accepted()
    await house.reports.add_key_image(house.specialist, consult, IMAGE)
    measured = {"measurements": (Measurement("结节长径", "22.0 mm", "第 142 层"),), "finding": Finding.POSITIVE}
    draft = await house.reports.save_draft(house.specialist, consult, 0, OPINION | measured)
    assert (draft.version, draft.images[0].note) == (1, "分叶状结节")
    assert await state_of(house, consult) is State.REPORTING

    report = await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    assert (report.version, report.signer_name, report.current) == (1, "沈若川", True)
    assert await state_of(house, consult) is State.DELIVERED

    file = await house.reports.pdf(house.requester, consult)
    words = text_of(file.content)
    for each in ("周𠮷明", "软组织密度结节", "周围型肺癌可能性大", "转上级医院评估", "沈若川", "主任医师", "放射科"):
        assert each in words
    for each in ("石渡镇卫生院", "李文", "右肺结节性质", "吸烟 40 年", "22.0 mm", "阳性", "分叶状结节", report.code):
        assert each in words
    assert "67 岁" in words
    verdict = await house.reports.verify(file.content)
    assert (verdict.genuine, verdict.code, verdict.version) == (True, report.code, 1)
    assert file.name == f"{verdict.number}-v1.pdf"
    assert house.films.asked[0][:2] == ("1.2.3.4.5", 142)
    assert await count(house, ReportDraft) == await count(house, KeyImage) == 0


async def test_a_flipped_byte_in_the_delivered_file_is_a_no(house: House) -> None:
    file = await house.reports.pdf(house.requester, await signed_consult(house))
    changed = bytearray(file.content)
    changed[len(changed) // 2] ^= 1
    verdict = await house.reports.verify(bytes(changed))
    assert (verdict.genuine, verdict.reason) == (False, VerdictReason.CHANGED)


async def test_fifty_signs_at_once_have_one_effect(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    answers = await asyncio.gather(*(house.reports.sign(house.specialist, consult, 1, PASSWORD) for _ in range(50)))
    assert len({each.id for each in answers}) == 1
    assert await count(house, Report) == await count(house, ReportFile) == 1
    async with house.database.read() as session:
        kinds = list(await session.scalars(select(OutboxRow.kind).where(OutboxRow.kind == "ReportSigned")))
        audited = list(await session.scalars(select(AuditRow.action).where(AuditRow.action == "report.sign")))
    assert (len(kinds), len(audited)) == (1, 1)


async def test_a_wrong_password_signs_nothing(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    with pytest.raises(FieldsRefused) as refused:
        await house.reports.sign(house.specialist, consult, 1, "guess")
    assert "password" in refused.value.errors
    assert await count(house, Report) == 0


async def test_nobody_else_signs_or_writes(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    for actor, refusal in (
        (house.requester, NotAllowed),
        (house.outsider, NotFound),
        (house.coordinator, NotAllowed),
        (house.colleague, (NotFound, NotAllowed)),
    ):
        with pytest.raises(refusal):
            await house.reports.save_draft(actor, consult, 1, {"opinion": "x"})
        with pytest.raises(Refused):
            await house.reports.sign(actor, consult, 1, PASSWORD)
    assert await count(house, Report) == 0


async def test_the_requester_sees_no_draft_and_an_outsider_nothing_at_all(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    await house.reports.add_key_image(house.specialist, consult, IMAGE)
    standing = await house.reports.standing(house.requester, consult)
    assert (standing.draft, standing.lock, standing.reports) == (None, None, ())
    assert await house.reports.key_images(house.requester, consult) == ()
    with pytest.raises(NotFound):
        await house.reports.preview(house.requester, consult)
    with pytest.raises(NotFound):
        await house.reports.pdf(house.requester, consult)
    for ask in (house.reports.standing, house.reports.pdf, house.reports.preview, house.reports.key_images):
        with pytest.raises(NotFound):
            await ask(house.outsider, consult)


async def test_an_older_text_never_overwrites_a_newer_one(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    await house.reports.save_draft(house.specialist, consult, 1, {"opinion": "新"})
    with pytest.raises(Stale) as stale:
        await house.reports.save_draft(house.specialist, consult, 1, {"opinion": "旧"})
    assert stale.value.current == 2
    with pytest.raises(Stale):
        await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    standing = await house.reports.standing(house.specialist, consult)
    assert standing.draft is not None
    assert standing.draft.content.opinion == "新"


async def test_the_same_text_saved_again_is_the_same_version(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    assert (await house.reports.save_draft(house.specialist, consult, 1, OPINION)).version == 1


async def test_one_writes_at_a_time_and_the_lock_ends_by_itself(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    await house.move(house.specialist, consult, Move.HAND_OVER, specialist_id=house.colleague.id, reason="门诊")
    await house.move(house.colleague, consult, Move.ACCEPT)
    with pytest.raises(LockHeld, match="沈若川"):
        await house.reports.save_draft(house.colleague, consult, 1, {"opinion": "x"})
    lock = await house.reports.take_lock(house.colleague, consult, by_force=True)
    assert (lock.holder_name, lock.mine) == ("周静安", True)
    await house.reports.release_lock(house.colleague, consult)
    assert (await house.reports.standing(house.colleague, consult)).lock is None
    await house.reports.take_lock(house.colleague, consult)
    house.clock.turn(minutes=11)
    assert (await house.reports.standing(house.colleague, consult)).lock is None
    async with house.database.read() as session:
        assert await session.scalar(select(AuditRow.action).where(AuditRow.action == "report.break_lock"))


async def test_an_empty_opinion_is_not_signed(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, {"findings": "有", "opinion": "  "})
    with pytest.raises(FieldsRefused) as refused:
        await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    assert set(refused.value.errors) == {"opinion"}


async def test_a_character_without_a_glyph_refuses_signing_and_keeps_the_draft(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION | {"suggestion": "好 😀"})
    with pytest.raises(GlyphsMissing, match=r"U\+1F600 GRINNING FACE"):
        await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    assert await state_of(house, consult) is State.REPORTING
    assert b"%PDF" in (await house.reports.preview(house.specialist, consult)).content[:8]


async def test_a_film_that_is_gone_refuses_signing(house: House) -> None:
    consult = await house.accepted()
    await house.reports.add_key_image(house.specialist, consult, IMAGE)
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    house.films.gone.add("1.2.3.4.5")
    with pytest.raises(NotFound):
        await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    assert await count(house, Report) == 0


async def test_frames_chosen_before_the_first_word_stand_in_the_editor(house: House) -> None:
    consult = await house.accepted()
    await house.reports.add_key_image(house.specialist, consult, IMAGE)
    draft = (await house.reports.standing(house.specialist, consult)).draft
    assert draft is not None
    assert (draft.version, [image.note for image in draft.images]) == (0, ["分叶状结节"])
    await house.reports.save_draft(house.specialist, consult, draft.version, OPINION)


async def test_key_images_are_bounded_and_can_be_taken_out(house: House) -> None:
    consult = await house.accepted()
    chosen = [await house.reports.add_key_image(house.specialist, consult, IMAGE) for _ in range(MOST_KEY_IMAGES)]
    with pytest.raises(Conflict, match="at most 12"):
        await house.reports.add_key_image(house.specialist, consult, IMAGE)
    await house.reports.remove_key_image(house.specialist, consult, chosen[0].id)
    assert len(await house.reports.key_images(house.specialist, consult)) == MOST_KEY_IMAGES - 1
    with pytest.raises(NotFound):
        await house.reports.remove_key_image(house.specialist, consult, chosen[0].id)


async def test_a_signed_report_cannot_be_edited_not_even_in_the_database(house: House) -> None:
    consult = await signed_consult(house)
    with pytest.raises((NotAllowed, StepRefused)):
        await house.reports.save_draft(house.specialist, consult, None, {"opinion": "x"})
    for statement in (
        update(Report).values(finding="negative"),
        text("DELETE FROM reports"),
        text("UPDATE report_files SET sealed = x'00'"),
        text("DELETE FROM report_files"),
    ):
        with pytest.raises(DBAPIError, match="never changes"):
            async with house.database.engine.begin() as connection:
                await connection.execute(statement)


async def test_an_amendment_is_a_new_version_that_names_the_old_one(house: House) -> None:
    consult = await house.accepted()
    await house.reports.add_key_image(house.specialist, consult, IMAGE)
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    first = await house.reports.sign(house.specialist, consult, 1, PASSWORD)
    with pytest.raises(NotAllowed):
        await house.reports.amend(house.requester, consult, "x")
    draft = await house.reports.amend(house.specialist, consult, "侧别更正")
    assert (draft.amends, draft.content.opinion, len(draft.images)) == (1, OPINION["opinion"], 1)
    await house.reports.save_draft(house.specialist, consult, draft.version, {"opinion": "左肺结节。"})
    second = await house.reports.sign(house.specialist, consult, None, PASSWORD)
    assert (second.version, second.replaces_id, second.reason) == (2, first.id, "侧别更正")
    versions = await house.reports.signed(house.requester, consult)
    assert [(each.version, each.current) for each in versions] == [(1, False), (2, True)]
    old, new = await asyncio.gather(
        house.reports.pdf(house.requester, consult, 1), house.reports.pdf(house.requester, consult, 2)
    )
    assert "取代第 1 版" in text_of(new.content)
    assert "侧别更正" in text_of(new.content)
    assert (await house.reports.verify(old.content)).genuine
    assert (await house.reports.by_code(first.code)).superseded_by == 2
    assert await house.reports.broken_links() == []


async def test_a_version_put_in_by_hand_breaks_the_chain(house: House) -> None:
    await signed_consult(house)
    async with house.database.engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER reports_no_update"))
        await connection.execute(update(Report).values(pdf_sha256="0" * 64))
    assert len(await house.reports.broken_links()) == 1


async def test_where_two_are_asked_the_author_does_not_audit(audited: House) -> None:
    consult = await audited.accepted()
    await audited.reports.save_draft(audited.specialist, consult, 0, OPINION)
    with pytest.raises(StepRefused):
        await audited.reports.sign(audited.specialist, consult, 1, PASSWORD)
    await audited.reports.submit_for_audit(audited.specialist, consult)
    with pytest.raises((StepRefused, NotAllowed)):
        await audited.reports.sign(audited.specialist, consult, 1, PASSWORD)
    await audited.reports.reject_audit(audited.auditor, consult, "请补充大小")
    await audited.reports.save_draft(audited.specialist, consult, 1, {"findings": "结节 22 mm。"})
    await audited.reports.submit_for_audit(audited.specialist, consult)
    report = await audited.reports.sign(audited.auditor, consult, 2, PASSWORD)
    assert (report.author_name, report.signer_name) == ("沈若川", "顾行之")
    words = text_of((await audited.reports.pdf(audited.requester, consult)).content)
    assert "审核医师 顾行之" in words
    assert "会诊专家 沈若川" in words


async def test_the_consults_own_door_makes_the_same_moves(house: House) -> None:
    consult = await house.accepted()
    await house.reports.save_draft(house.specialist, consult, 0, OPINION)
    await house.move(house.specialist, consult, Move.SIGN, password=PASSWORD)
    assert await state_of(house, consult) is State.DELIVERED


async def test_reading_is_noted_before_a_byte_leaves(house: House) -> None:
    consult = await signed_consult(house)
    await house.reports.pdf(house.requester, consult)
    async with house.database.read() as session:
        actions = list(await session.scalars(select(AuditRow.action).where(AuditRow.actor == house.requester.id)))
    assert "report.pdf" in actions


async def test_no_word_of_the_opinion_lies_open_in_the_database_file(house: House) -> None:
    consult = await signed_consult(house)
    await house.reports.amend(house.specialist, consult, "侧别更正")
    raw = b"".join(each.read_bytes() for each in house.folder.glob("clinic.db*"))
    for word in ("周围型肺癌", "软组织密度", "侧别更正", "%PDF"):
        assert word.encode() not in raw


async def test_a_code_says_nothing_of_the_patient_and_strangers_codes_nothing_at_all(house: House) -> None:
    consult = await signed_consult(house)
    (report,) = await house.reports.signed(house.requester, consult)
    found = await house.reports.by_code(report.code.lower().replace("-", " "))
    assert (found.version, found.institution, found.superseded_by) == (1, "临澜市第一人民医院", 0)
    for code in ("AAAA-AAAA-AAAA-AAAA", "", "x", "\0"):
        with pytest.raises(NotFound):
            await house.reports.by_code(code)
