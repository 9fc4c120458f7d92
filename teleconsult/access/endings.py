"""How a session or token ends: one row, one audit row, one event, in the caller's transaction."""

from collections.abc import Iterable

from teleconsult.access.events import CredentialRevoked
from teleconsult.access.models import AccessToken, LoginSession
from teleconsult.audit.trail import note
from teleconsult.db import Work
from teleconsult.events import record


async def end_sessions(work: Work, sessions: Iterable[LoginSession]) -> None:
    """End sessions; those that have ended already are left alone."""
    for held in sessions:
        if held.ended_at is None:
            held.ended_at = work.at
            note(work, "session.end", f"session/{held.id}")
            record(work, CredentialRevoked(held.id, held.user))


async def end_token(work: Work, token: AccessToken) -> None:
    """End a token."""
    if token.ended_at is None:
        token.ended_at = work.at
        note(work, "token.end", f"token/{token.id}")
        record(work, CredentialRevoked(token.id, token.subject))
