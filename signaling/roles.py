"""The usual words for who somebody is in a call, and what each may do. A house may mint tickets with other grants.

The exchange itself never looks at a role: it shows the word to the others and goes by the grants.
"""

from enum import StrEnum

from signaling.ports import Grant


class Role(StrEnum):
    """As whom somebody sits in a room; the text is the ticket's `role`."""

    HOST = "host"
    SPECIALIST = "specialist"
    REQUESTER = "requester"
    PATIENT = "patient"
    GUARDIAN = "guardian"
    """Sits beside a patient, or speaks for one."""
    OBSERVER = "observer"
    """Sees and hears, may raise a hand, is not heard."""
    INTERPRETER = "interpreter"


_SPEAKS = frozenset({Grant.PUBLISH, Grant.SUBSCRIBE})
_WORKS = _SPEAKS | {Grant.SHARE, Grant.FILMS}
GRANTS: dict[Role, frozenset[Grant]] = {
    Role.HOST: _WORKS | {Grant.HOST, Grant.ADMIT},
    Role.SPECIALIST: _WORKS | {Grant.ADMIT},
    Role.REQUESTER: _WORKS,
    Role.PATIENT: _SPEAKS,
    Role.GUARDIAN: _SPEAKS,
    Role.OBSERVER: frozenset({Grant.SUBSCRIBE}),
    Role.INTERPRETER: _SPEAKS,
}
WAITS = frozenset({Role.PATIENT, Role.GUARDIAN})
"""Whom a house that has a waiting room lets wait in it: their tickets get `Grant.WAIT` as well."""


def grants_of(role: str, *, waiting_room: bool = False) -> frozenset[Grant]:
    """What a role may do; an unknown one only sees and hears.

    Args:
        role: A word, perhaps one of `Role`.
        waiting_room: Whether patients and their guardians ask before they come in.
    """
    try:
        known = Role(role)
    except ValueError:
        return GRANTS[Role.OBSERVER]
    return GRANTS[known] | ({Grant.WAIT} if waiting_room and known in WAITS else frozenset())
