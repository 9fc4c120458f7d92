"""A patient comes in without an account: a link in a message, a code by telephone, then a session for them only.

The link alone opens nothing: whoever finds or forwards it learns no name. An old link is renewed by a code. Every
refusal says what to do next.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from teleconsult.access.codes import (
    NEW_CODE,
    CodeView,
    check_often,
    code_view,
    counts,
    find,
    label_of,
    last_code,
    stranger,
    times,
    wrong,
)  # fmt: skip
from teleconsult.access.endings import end_token
from teleconsult.access.identity import Identity
from teleconsult.access.models import AccessToken, LinkCode, PatientLink
from teleconsult.access.ports import CodeSender, CodeToSend
from teleconsult.access.rules import CODE_LASTS, CODE_TRIES, LinkState, link_state, masked, normal_code
from teleconsult.access.secret import kept_hash, new_token
from teleconsult.actor import ActorKind, InstitutionId, PatientId
from teleconsult.audit.trail import note
from teleconsult.clock import Clock
from teleconsult.db import Database, Work, new_id
from teleconsult.errors import NotFound, Refused
from teleconsult.http.limits import RateLimit
from teleconsult.people import sealing
from teleconsult.people.models import Patient
from teleconsult.vault import Vault

LINK_LASTS = timedelta(days=3)
SESSION_LASTS = timedelta(hours=12)
_TOKEN_BYTES = 16


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
            label = label_of(link.id)
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
            return await self._view(session, await find(session, token))

    async def send_code(self, token: str, address: str) -> LinkView:
        """Send a new code; the one before counts no more.

        Raises:
            NotFound: There is no such link.
            Refused: It was taken back, or there is no telephone number.
            TooMany: To this link, number or from this address too many were asked for.
        """
        self._sends.take(address)
        code = f"{secrets.randbelow(1_000_000):06d}"
        async with self._database.write(stranger(address)) as work:
            link = await find(work.session, token)
            self._check_open(link, work.at)
            phone = await self._phone_of(work.session, link)
            key = self._vault.fingerprint(phone, "code/phone") if phone else None
            await check_often(work, link, key)
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
        async with self._database.write(stranger(address)) as work:
            link = await find(work.session, token)
            self._check_open(link, work.at)
            row = await last_code(work.session, link.id, lock=True)
            if row is None or not counts(row, work.at):
                raise Refused(NEW_CODE, code="code_spent")
            row.tries += 1
            if hmac.compare_digest(row.code_hash, self._hash(link.id, normal_code(code))):
                row.used_at = work.at
                return await self._begin(work, link, device)
            note(work, "link.refuse", f"link/{link.id}", patient=PatientId(link.patient))
            refusal = wrong(CODE_TRIES - row.tries)
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
            label=label_of(link.id),
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
        row, now = await last_code(session, link.id), self._database.clock.now()
        return LinkView(
            id=link.id,
            state=link_state(times(link), now),
            subject=link.subject,
            patient=PatientId(link.patient),
            institution=InstitutionId(link.institution),
            masked_name=masked(fields.name if fields else ""),
            phone_last4="" if self._sender.by_staff else phone[-4:],
            told_by_staff=self._sender.by_staff,
            code=code_view(row, now) if row is not None and row.used_at is None else None,
        )

    def _check_open(self, link: PatientLink, now: datetime) -> None:
        if link_state(times(link), now) is LinkState.ENDED:
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
