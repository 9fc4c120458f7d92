"""Bearer tokens of programs, stations and patients: made once, shown once, kept as hashes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from teleconsult.access.models import AccessToken
from teleconsult.access.secret import kept_hash, new_token
from teleconsult.actor import Actor, ActorKind
from teleconsult.audit.trail import note
from teleconsult.db import Database, new_id
from teleconsult.errors import FieldsRefused

_LABEL_MOST = 120


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token for a list: never its secret."""

    id: str
    label: str
    institution: str
    created_at: datetime


class Tokens:
    """The table of tokens. Who may make one is `Access`'s question."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, actor: Actor, kind: ActorKind, subject: str, institution: str, label: str) -> str:
        """Make one. Returns the secret.

        Raises:
            FieldsRefused: Without a label nobody knows later what it is for.
        """
        told = label.strip()
        if not 0 < len(told) <= _LABEL_MOST:
            raise FieldsRefused({"label": "Please say what the token is for."})
        secret = new_token()
        async with self._database.write(actor) as work:
            token = AccessToken(
                id=new_id(),
                token_hash=kept_hash(secret),
                kind=kind,
                subject=subject,
                institution=institution,
                label=told,
                created_by=actor.id,
                created_at=work.at,
            )
            work.session.add(token)
            note(work, "token.make", f"token/{token.id}", detail={"kind": kind, "for": subject})
        return secret

    async def of(self, subject: str) -> list[TokenView]:
        """The open tokens of a user or station."""
        asked = select(AccessToken).where(AccessToken.subject == subject, AccessToken.ended_at.is_(None))
        async with self._database.read() as session:
            rows = await session.scalars(asked.order_by(AccessToken.created_at.desc()))
            return [TokenView(row.id, row.label, row.institution, row.created_at) for row in rows]
