"""The small parts of patients' links: finding one, counting codes and tries, what is shown of a code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access.models import LinkCode, PatientLink
from teleconsult.access.rules import CODE_TRIES, LinkTimes
from teleconsult.access.secret import kept_hash
from teleconsult.actor import Actor, ActorKind, InstitutionId
from teleconsult.db import Work
from teleconsult.errors import FieldsRefused, NotFound, Refused, TooMany
from teleconsult.http.bodies import N_

_BETWEEN_CODES = timedelta(seconds=30)
_CODES_AN_HOUR = 6
_CODES_A_DAY = 20
_TOKEN_CHARACTERS = range(20, 33)
_DEVICE_LABEL = "patient link"
NEW_CODE = N_("This code counts no more. Please send yourself a new one.")


@dataclass(frozen=True, slots=True)
class CodeView:
    """The code that was sent last.

    Attributes:
        again_at: From when another may be asked for.
        tries_left: 0 when it was tried too often.
    """

    sent_at: datetime
    ends_at: datetime
    again_at: datetime
    tries_left: int
    counts: bool


class WrongCode(FieldsRefused):
    """Not the code.

    Args:
        tries_left: How often it may still be tried; told in the answer.
    """

    def __init__(self, tries_left: int) -> None:
        self.told = {"tries_left": tries_left}
        super().__init__({"code": "The code is not right. Please compare it with the message."})


async def find(session: AsyncSession, token: str) -> PatientLink:
    """A link by its token. Raises NotFound, which says what to do."""
    row = None
    if len(token) in _TOKEN_CHARACTERS:
        row = (await session.scalars(select(PatientLink).where(PatientLink.token_hash == kept_hash(token)))).first()
    if row is None:
        raise NotFound(
            "This link is not complete. Please open it once more from the message, or call your clinic.",
            code="link_unknown",
        )
    return row


async def last_code(session: AsyncSession, link: str, *, lock: bool = False) -> LinkCode | None:
    """The newest code of a link."""
    newest = select(LinkCode).where(LinkCode.link == link).order_by(LinkCode.sent_at.desc(), LinkCode.id.desc())
    newest = newest.limit(1)
    return (await session.scalars(newest.with_for_update() if lock else newest)).first()


async def check_often(work: Work, link: PatientLink, phone_key: bytes | None) -> None:
    """So that nobody's telephone rings all night, and nobody guesses all day."""
    last = await last_code(work.session, link.id)
    if last is not None and work.at < last.sent_at + _BETWEEN_CODES:
        raise _wait(last.sent_at + _BETWEEN_CODES - work.at)
    same = [LinkCode.link == link.id] + ([LinkCode.phone_key == phone_key] if phone_key else [])
    for held in same:
        for most, span in ((_CODES_AN_HOUR, timedelta(hours=1)), (_CODES_A_DAY, timedelta(days=1))):
            since: Sequence[datetime] = list(
                await work.session.scalars(
                    select(LinkCode.sent_at).where(held, LinkCode.sent_at > work.at - span).order_by(LinkCode.sent_at)
                )
            )
            if len(since) >= most:
                raise _wait(since[-most] + span - work.at)


def _wait(left: timedelta) -> TooMany:
    seconds = max(1, round(left.total_seconds()))
    return TooMany(
        "Codes were sent already. Please wait {seconds} seconds, or call your clinic.",
        retry_after=timedelta(seconds=seconds),
        seconds=seconds,
    )


def wrong(left: int) -> Refused:
    """What is said to a wrong code."""
    if left <= 0:
        return Refused(NEW_CODE, code="code_spent")
    return WrongCode(left)


def counts(row: LinkCode, now: datetime) -> bool:
    """Whether a code still opens anything."""
    return row.used_at is None and row.tries < CODE_TRIES and now < row.ends_at


def code_view(row: LinkCode, now: datetime) -> CodeView:
    """What is shown of a code: never itself."""
    left = max(0, CODE_TRIES - row.tries)
    return CodeView(row.sent_at, row.ends_at, row.sent_at + _BETWEEN_CODES, left, counts(row, now))


def times(link: PatientLink) -> LinkTimes:
    """What the rules judge a link by."""
    return LinkTimes(link.created_at, link.expires_at, link.ended_at)


def label_of(link: str) -> str:
    """The label of the sessions that came by a link."""
    return f"{_DEVICE_LABEL} {link}"


def stranger(address: str) -> Actor:
    """Who holds a link and has shown no code: nobody yet."""
    return Actor("stranger", "stranger", ActorKind.SYSTEM, InstitutionId(""), address=address)
