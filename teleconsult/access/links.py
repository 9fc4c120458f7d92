"""A patient comes in without an account: a link in a message, a code by telephone, then a session for them only.

The link alone opens nothing: whoever finds or forwards it learns no name. An old link is renewed by a code. Every
refusal says what to do next.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access.endings import end_token
from teleconsult.access.identity import Identity
from teleconsult.access.models import AccessToken, LinkCode, PatientLink
from teleconsult.access.ports import CodeSender, CodeToSend
from teleconsult.access.rules import CODE_LASTS, CODE_TRIES, LinkState, LinkTimes, link_state, masked, normal_code
from teleconsult.access.secret import kept_hash, new_token
from teleconsult.actor import Actor, ActorKind, InstitutionId, PatientId
from teleconsult.audit.trail import note
from teleconsult.clock import Clock
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import FieldsRefused, NotFound, Refused, TooMany
from teleconsult.http.limits import RateLimit
from teleconsult.people import sealing
from teleconsult.people.models import Patient
from teleconsult.vault import Vault

LINK_LASTS = timedelta(days=3)
SESSION_LASTS = timedelta(hours=12)
_BETWEEN_CODES = timedelta(seconds=30)
_CODES_AN_HOUR = 6
_CODES_A_DAY = 20
_TOKEN_BYTES = 16
_TOKEN_CHARACTERS = range(20, 33)
_DEVICE_LABEL = "patient link"
_NEW_CODE = "This code counts no more. Please send yourself a new one."


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


@dataclass(frozen=True, slots=True)
class LinkView:
    """What a link is, for the page behind it. Nothing here tells who is ill.

    Attributes:
        subject: What it is for, a visit's id.
        phone_last4: "" where the institution reads the code out.
    """

    id: str
    state: LinkState
    subject: str
    patient: PatientId
    institution: InstitutionId
    masked_name: str
    phone_last4: str
    told_by_staff: bool
    code: CodeView | None


@dataclass(frozen=True, slots=True)
class PatientSession:
    """The way in went well.

    Attributes:
        secret: For the cookie; nobody can show it again.
    """

    secret: str
    ends_at: datetime
    subject: str
    patient: PatientId


class WrongCode(FieldsRefused):
    """Not the code.

    Args:
        tries_left: How often it may still be tried; told in the answer.
    """

    def __init__(self, tries_left: int) -> None:
        self.told = {"tries_left": tries_left}
        super().__init__({"code": "The code is not right. Please compare it with the message."})


class Links:
    """Patients' links.

    Args:
        database: Where they are.
        vault: Opens the telephone number, keys the codes.
        identity: Forgets at once what ends here.
        sender: Gets codes to patients.
    """

    def __init__(self, database: Database, vault: Vault, identity: Identity, sender: CodeSender) -> None:
        self._database = database
        self._vault = vault
        self._identity = identity
        self._sender = sender
        self._key = vault.subkey("codes")
        clock: Clock = database.clock
        self._sends = RateLimit(clock, times=30, per=timedelta(hours=1))
        self._tries = RateLimit(clock, times=40, per=timedelta(minutes=10))

    # ------------------------------------------------------------ what other rooms do, in their transaction
    async def make(self, work: Work, subject: str, patient: str, until: datetime, path: str) -> str:
        """Make a link for a patient.

        Args:
            work: The caller's transaction; its actor is told the codes where nothing can be sent.
            subject: What it is for.
            patient: For whom.
            until: It is fresh at least until then.
            path: A page of ours about it, for the staff.

        Returns:
            The token, for `/p/{token}`; nobody can show it again.
        """
        whom = await work.session.get(Patient, patient)
        if whom is None:
            raise NotFound
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        link = PatientLink(
            id=new_id(),
            token_hash=kept_hash(token),
            subject=subject,
            patient=patient,
            institution=whom.institution,
            path=path,
            created_by=work.actor.id,
            created_at=work.at,
            expires_at=max(until, work.at + LINK_LASTS),
        )
        work.session.add(link)
        note(work, "link.make", f"link/{link.id}", patient=PatientId(patient))
        return token

    async def end(self, work: Work, subject: str) -> None:
        """Take back all links to something, and the sessions that came by them."""
        held = select(PatientLink).where(PatientLink.subject == subject, PatientLink.ended_at.is_(None))
        for link in await work.session.scalars(held):
            link.ended_at = work.at
            label = _label(link.id)
            asked = select(AccessToken).where(AccessToken.label == label, AccessToken.ended_at.is_(None))
            for token in await work.session.scalars(asked):
                await end_token(work, token)
                work.after_commit(lambda ended=token.id: self._identity.forget_credential(ended))  # type: ignore[misc]

    # ------------------------------------------------------------ what strangers do
    async def look(self, token: str) -> LinkView:
        """What is behind a link.

        Raises:
            NotFound: There is no such link; says what to do.
        """
        async with self._database.read() as session:
            return await self._view(session, await _find(session, token))

    async def send_code(self, token: str, address: str) -> LinkView:
        """Send a new code; the one before counts no more.

        Raises:
            NotFound: There is no such link.
            Refused: It was taken back, or there is no telephone number.
            TooMany: To this link, number or from this address too many were asked for.
        """
        self._sends.take(address)
        code = f"{secrets.randbelow(1_000_000):06d}"
        async with self._database.write(_stranger(address)) as work:
            link = await _find(work.session, token)
            self._check_open(link, work.at)
            phone = await self._phone_of(work.session, link)
            key = self._vault.fingerprint(phone, "code/phone") if phone else None
            await _check_often(work, link, key)
            row = LinkCode(
                id=new_id(),
                link=link.id,
                code_hash=self._hash(link.id, code),
                phone_key=key,
                sent_at=work.at,
                ends_at=work.at + CODE_LASTS,
            )
            work.session.add(row)
            note(work, "link.code", f"link/{link.id}", patient=PatientId(link.patient))
            given = CodeToSend(code, phone, link.created_by, link.subject, link.path, f"code/{row.id}")
        await self._sender.send_code(given)
        return await self.look(token)

    async def enter(self, token: str, code: str, address: str, device: str = "") -> PatientSession:
        """Show the code, get a session; an old link is fresh again.

        Raises:
            NotFound: There is no such link.
            WrongCode: Says how often it may still be tried.
            Refused: `code_spent`: tried too often, too old, or none was sent: a new one is needed.
            TooMany: From this address too many were tried.
        """
        self._tries.take(address)
        refusal: Refused | None = None
        async with self._database.write(_stranger(address)) as work:
            link = await _find(work.session, token)
            self._check_open(link, work.at)
            row = await _last_code(work.session, link.id, lock=True)
            if row is None or not _counts(row, work.at):
                raise Refused(_NEW_CODE, code="code_spent")
            row.tries += 1
            if hmac.compare_digest(row.code_hash, self._hash(link.id, normal_code(code))):
                row.used_at = work.at
                return await self._begin(work, link, device)
            note(work, "link.refuse", f"link/{link.id}", patient=PatientId(link.patient))
            refusal = _wrong(CODE_TRIES - row.tries)
        raise refusal  # after the commit: the try counts

    # ------------------------------------------------------------ inside
    async def _begin(self, work: Work, link: PatientLink, device: str) -> PatientSession:
        secret = new_token()
        link.expires_at = max(link.expires_at, work.at + LINK_LASTS)
        held = AccessToken(
            id=new_id(),
            token_hash=kept_hash(secret),
            kind=ActorKind.PATIENT,
            subject=link.patient,
            institution=link.institution,
            label=_label(link.id),
            created_by=link.patient,
            created_at=work.at,
            ends_at=work.at + SESSION_LASTS,
        )
        work.session.add(held)
        told = {"session": held.id, "device": device[:120]}
        note(work, "link.enter", f"link/{link.id}", patient=PatientId(link.patient), detail=told)
        return PatientSession(secret, work.at + SESSION_LASTS, link.subject, PatientId(link.patient))

    async def _view(self, session: AsyncSession, link: PatientLink) -> LinkView:
        patient = await session.get(Patient, link.patient)
        fields = sealing.fields_of(patient, self._vault) if patient else None
        phone = (fields.phone if fields else None) or ""
        row, now = await _last_code(session, link.id), self._database.clock.now()
        return LinkView(
            id=link.id,
            state=link_state(_times(link), now),
            subject=link.subject,
            patient=PatientId(link.patient),
            institution=InstitutionId(link.institution),
            masked_name=masked(fields.name if fields else ""),
            phone_last4="" if self._sender.by_staff else phone[-4:],
            told_by_staff=self._sender.by_staff,
            code=_code_view(row, now) if row is not None and row.used_at is None else None,
        )

    def _check_open(self, link: PatientLink, now: datetime) -> None:
        if link_state(_times(link), now) is LinkState.ENDED:
            raise Refused(
                "This link counts no more. Please call your clinic, they send you a new one.", code="link_ended"
            )

    async def _phone_of(self, session: AsyncSession, link: PatientLink) -> str | None:
        patient = await session.get(Patient, link.patient)
        phone = sealing.fields_of(patient, self._vault).phone if patient else None
        if not phone and not self._sender.by_staff:
            raise Refused(
                "We have no telephone number of yours. Please call your clinic, they put it right.", code="no_phone"
            )
        return phone

    def _hash(self, link: str, code: str) -> bytes:
        # Six digits are soon tried: without the site's key a stolen row tells nothing.
        return hmac.digest(self._key, f"{link}\0{code}".encode(), sha256)


async def _find(session: AsyncSession, token: str) -> PatientLink:
    row = None
    if len(token) in _TOKEN_CHARACTERS:
        row = (await session.scalars(select(PatientLink).where(PatientLink.token_hash == kept_hash(token)))).first()
    if row is None:
        raise NotFound(
            "This link is not complete. Please open it once more from the message, or call your clinic.",
            code="link_unknown",
        )
    return row


async def _last_code(session: AsyncSession, link: str, *, lock: bool = False) -> LinkCode | None:
    newest = select(LinkCode).where(LinkCode.link == link).order_by(LinkCode.sent_at.desc(), LinkCode.id.desc())
    newest = newest.limit(1)
    return (await session.scalars(newest.with_for_update() if lock else newest)).first()


async def _check_often(work: Work, link: PatientLink, phone_key: bytes | None) -> None:
    """So that nobody's telephone rings all night, and nobody guesses all day."""
    last = await _last_code(work.session, link.id)
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


def _wrong(left: int) -> Refused:
    if left <= 0:
        return Refused(_NEW_CODE, code="code_spent")
    return WrongCode(left)


def _counts(row: LinkCode, now: datetime) -> bool:
    return row.used_at is None and row.tries < CODE_TRIES and now < row.ends_at


def _code_view(row: LinkCode, now: datetime) -> CodeView:
    left = max(0, CODE_TRIES - row.tries)
    return CodeView(row.sent_at, row.ends_at, row.sent_at + _BETWEEN_CODES, left, _counts(row, now))


def _times(link: PatientLink) -> LinkTimes:
    return LinkTimes(link.created_at, link.expires_at, link.ended_at)


def _label(link: str) -> str:
    return f"{_DEVICE_LABEL} {link}"


def _stranger(address: str) -> Actor:
    return Actor("stranger", "stranger", ActorKind.SYSTEM, InstitutionId(""), address=address)
