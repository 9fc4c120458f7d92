"""Which role may do what, what makes a password good enough, and how long links and codes count. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from teleconsult.actor import Permission
from teleconsult.http.bodies import N_
from teleconsult.people.state import Role

_P = Permission

_OF_ROLE: Mapping[str, frozenset[Permission]] = {
    Role.REQUESTER: frozenset(
        {
            _P.PATIENT_WRITE,
            _P.PATIENT_READ,
            _P.CONSULT_READ,
            _P.CONSULT_CREATE,
            _P.CONSULT_MOVE,
            _P.MESSAGE_WRITE,
            _P.MATERIAL_WRITE,
            _P.REPORT_READ,
            _P.FILM_READ,
            _P.FILM_STORE,
            _P.FILM_DELETE,
            _P.LAB_READ,
            _P.LAB_STORE,
            _P.CALL_JOIN,
            _P.ROOM_PUBLISH,
            _P.FOLLOWUP_WRITE,
            _P.FOLLOWUP_READ,
            _P.UNMATCHED_READ,
        }
    ),
    # A specialist reaches patients only through a consult: no search among them.
    Role.SPECIALIST: frozenset(
        {
            _P.CONSULT_READ,
            _P.CONSULT_MOVE,
            _P.MESSAGE_WRITE,
            _P.MATERIAL_WRITE,
            _P.REPORT_WRITE,
            _P.REPORT_READ,
            _P.FILM_READ,
            _P.FILM_STORE,
            _P.LAB_READ,
            _P.LAB_STORE,
            _P.CALL_JOIN,
            _P.ROOM_PUBLISH,
            _P.FOLLOWUP_WRITE,
            _P.FOLLOWUP_READ,
        }
    ),
    Role.COORDINATOR: frozenset(
        {
            _P.CONSULT_READ,
            _P.CONSULT_MOVE,
            _P.CONSULT_COORDINATE,
            _P.MESSAGE_WRITE,
            _P.REPORT_READ,
            _P.FILM_READ,
            _P.LAB_READ,
            _P.CALL_JOIN,
            _P.ROOM_PUBLISH,
            _P.FOLLOWUP_READ,
        }
    ),
    Role.APPROVER: frozenset(
        {_P.PATIENT_READ, _P.CONSULT_READ, _P.CONSULT_MOVE, _P.MESSAGE_WRITE, _P.REPORT_READ, _P.FILM_READ, _P.LAB_READ}
    ),
    Role.AUDITOR: frozenset(
        {
            _P.CONSULT_READ,
            _P.CONSULT_MOVE,
            _P.MESSAGE_WRITE,
            _P.REPORT_WRITE,
            _P.REPORT_READ,
            _P.FILM_READ,
            _P.LAB_READ,
            _P.AUDIT_READ,
        }
    ),
    # Who gives rights reads no patient.
    Role.ADMINISTRATOR: frozenset({_P.PEOPLE_WRITE, _P.SETTINGS_WRITE, _P.AUDIT_READ, _P.UNMATCHED_READ}),
    Role.STATION: frozenset({_P.FILM_STORE, _P.FILM_READ, _P.LAB_STORE}),
}

PATIENT_PERMISSIONS = frozenset(
    {
        _P.SELF,
        _P.PATIENT_READ,
        _P.CONSULT_READ,
        _P.REPORT_READ,
        _P.MESSAGE_WRITE,
        _P.CALL_JOIN,
        _P.FOLLOWUP_READ,
        _P.FOLLOWUP_WRITE,
    }
)
"""What a patient may do about themselves; every room shows them only their own."""

PASSWORD_LEAST = 8  # ASVS 5.0, 6.2.1
PASSWORD_MOST = 128
_COMMON = frozenset(
    [
        "password",
        "passw0rd",
        "12345678",
        "123456789",
        "1234567890",
        "11111111",
        "00000000",
        "88888888",
        "66666666",
        "qwertyui",
        "qwerty123",
        "abc12345",
        "abcd1234",
        "a1234567",
        "a12345678",
        "1q2w3e4r",
        "1qaz2wsx",
        "iloveyou",
        "admin123",
        "admin888",
        "woaini1314",
        "5201314a",
        "123123123",
        "12341234",
        "87654321",
        "password1",
        "teleconsult",
        "doctor123",
        "hospital",
    ]
)


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """All that these roles give together; nobody without a role may do anything."""
    given = [_OF_ROLE.get(role, frozenset[Permission]()) for role in roles]
    return frozenset().union({_P.SELF}, *given) if given else frozenset()


def password_fault(password: str, login: str) -> str | None:
    """What is wrong with a new password, as a text for the person; None when it will do.

    Source: OWASP ASVS 5.0, 6.2: length counts, rules about kinds of characters do not.
    """
    if len(password) < PASSWORD_LEAST:
        return N_("A password has at least 8 characters; a short sentence is good.")
    if len(password) > PASSWORD_MOST:
        return N_("A password has at most 128 characters.")
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) < 4:
        return N_("This password is one of the first that are guessed. Please choose another.")
    if login and login.casefold() in folded:
        return N_("The password must not hold the login name.")
    return None


# ---------------------------------------------------------------- patients' links
CODE_TRIES = 5
CODE_LASTS = timedelta(minutes=10)
_LINK_LIVES = timedelta(days=366)


class LinkState(StrEnum):
    """What a patient's link is worth."""

    FRESH = "fresh"
    OLD = "old"
    """A code renews it."""
    ENDED = "ended"
    """Taken back, or older than a year: a new one is needed."""


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """When a link was made, gets old, was taken back."""

    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None


def link_state(times: LinkTimes, now: datetime) -> LinkState:
    """What a link is worth now."""
    if times.ended_at is not None or now > times.created_at + _LINK_LIVES:
        return LinkState.ENDED
    return LinkState.OLD if now > times.expires_at else LinkState.FRESH


def masked(name: str) -> str:
    """A name that its owner knows and nobody else learns: 孙桂芬 -> 孙*芬, Anna Smith -> A*** S***."""
    plain = name.strip()
    if plain.isascii():
        return " ".join(f"{word[0]}***" for word in plain.split())
    if len(plain) < 3:
        return plain[:1] + "*"
    return plain[0] + "*" * (len(plain) - 2) + plain[-1]


def normal_code(text: str) -> str:
    """A code as people type it: full-width digits, blanks and dashes are no mistake."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if letter.isalnum())[:12]
