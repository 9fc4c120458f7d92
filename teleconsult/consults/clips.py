"""Messages that are spoken: where the line is too weak for a call, a voice still arrives."""

from dataclasses import dataclass

from sqlalchemy import func, select

from teleconsult.actor import Actor
from teleconsult.consults.conversation import Posted, add
from teleconsult.consults.models import Clip, Entry
from teleconsult.consults.office import Office, find
from teleconsult.errors import FieldsRefused, NotFound, StepRefused

MOST_BYTES = 2 << 20
"""Two minutes of speech are a quarter of it."""
_MOST_CLIPS = 200
_MEDIA = (("audio/webm", 0, b"\x1a\x45\xdf\xa3"), ("audio/ogg", 0, b"OggS"), ("audio/mp4", 4, b"ftyp"))
"""What browsers record: content type, and which bytes stand where."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The sound of a message.

    Attributes:
        media: Its content type.
    """

    media: str
    sound: bytes


async def speak(office: Office, actor: Actor, consult_id: str, sound: bytes) -> Posted:
    """Say something in the conversation.

    Raises:
        NotFound: Not there, or not for this person.
        NotAllowed: They may read but not write.
        StepRefused: The consult is a draft or at its end, or holds very many already.
        FieldsRefused: Not a sound of a kind that browsers record.
    """
    media = media_of(sound)
    async with office.database.write(actor) as work:
        posted = await add(office, work, consult_id, {"clip": media or ""})
        if media is None:  # said only to those who may speak here at all
            raise FieldsRefused({"body": "Please send a recording as this browser makes it: WebM, Ogg or MP4."})
        held = select(func.count()).select_from(Clip).where(Clip.consult_id == consult_id)
        if (await work.session.scalar(held) or 0) >= _MOST_CLIPS:
            raise StepRefused("This consult holds 200 voice messages already. Please write.", code="too_many_clips")
        sealed = office.sealing.seal_clip(consult_id, posted.number, sound)
        work.session.add(Clip(consult_id=consult_id, number=posted.number, media=media, content=sealed))
        return posted


async def spoken(office: Office, actor: Actor, consult_id: str, number: int) -> Spoken:
    """The sound of a message; that somebody hears it is on the audit before the first byte leaves.

    Raises:
        NotFound: Not there, or not for this person.
    """
    async with office.database.read() as session:
        found = await find(session, actor, consult_id)
        entry = await session.get(Entry, (consult_id, number))
        clip = await session.get(Clip, (consult_id, number))
        patient = found.consult.patient_id or ""
    if clip is None or entry is None or entry.level > found.last_level:
        raise NotFound
    await office.witness.read(actor, "consult.read", f"consults/{consult_id}", patient)
    return Spoken(clip.media, office.sealing.clip(clip))


def media_of(sound: bytes) -> str | None:
    """What kind of sound this is, by its own beginning and not by anybody's word."""
    return next((media for media, at, sign in _MEDIA if sound[at : at + len(sign)] == sign), None)
