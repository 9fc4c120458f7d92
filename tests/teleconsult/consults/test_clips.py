"""A spoken message is kept sealed, in the conversation, and heard by those who read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from teleconsult.audit.models import AuditRow
from teleconsult.consults.clips import media_of
from teleconsult.consults.models import Clip
from teleconsult.errors import FieldsRefused, NotFound
from tests.builders.people import a_patient_actor

SOUND = b"\x1a\x45\xdf\xa3" + b"a voice " * 1000


async def test_what_was_spoken_is_a_message_that_the_other_side_hears(site):
    consult = await site.accepted()
    posted = await site.consults.speak(site.doctor, consult.id, SOUND)
    (message,) = (await site.consults.messages(site.specialist, consult.id)).items
    assert (message.number, message.text, message.fields) == (posted.number, "", {"clip": "audio/webm"})
    heard = await site.consults.spoken(site.specialist, consult.id, posted.number)
    assert (heard.media, heard.sound) == ("audio/webm", SOUND)
    async with site.database.read() as session:
        (clip,) = await session.scalars(select(Clip))
        assert b"a voice" not in clip.content
        rows = list(await session.scalars(select(AuditRow).where(AuditRow.action == "consult.message")))
        assert [row.actor for row in rows] == [site.doctor.id]


async def test_others_hear_and_say_nothing(site):
    consult = await site.accepted()
    posted = await site.consults.speak(site.doctor, consult.id, SOUND)
    for stranger in (site.colleague, site.city_specialist, a_patient_actor(site.patient, site.village)):
        with pytest.raises(NotFound):
            await site.consults.spoken(stranger, consult.id, posted.number)
        with pytest.raises(NotFound):
            await site.consults.speak(stranger, consult.id, SOUND)
    written = await site.consults.post_message(site.doctor, consult.id, "words")
    with pytest.raises(NotFound):
        await site.consults.spoken(site.doctor, consult.id, written.number)


async def test_what_is_no_sound_is_refused(site):
    consult = await site.accepted()
    for body in (b"", b"<html>", b"\xff\xd8\xff"):
        with pytest.raises(FieldsRefused):
            await site.consults.speak(site.doctor, consult.id, body)


@given(st.binary(max_size=40))
def test_only_what_browsers_record_is_a_sound(body):
    assert media_of(body) is None or body[:4] in (b"\x1a\x45\xdf\xa3", b"OggS") or body[4:8] == b"ftyp"
