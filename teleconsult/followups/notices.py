"""What people are told of a visit. Pure; no patient data."""

from collections.abc import Mapping

from teleconsult.followups.events import VisitMoved
from teleconsult.http.bodies import N_
from teleconsult.notifications.ports import Notice

_WORDS: Mapping[str, str] = {
    "book": N_("A follow-up was booked for the patient of request {number}."),
    "rebook": N_("The follow-up of request {number} has a new time."),
    "start": N_("The follow-up of request {number} has begun."),
    "finish": N_("The follow-up of request {number} is done; its note is with the request."),
    "miss": N_("The follow-up of request {number} did not take place."),
    "cancel": N_("The follow-up of request {number} was called off."),
}
_LINK = N_("Send this link to the patient of request {number}. It opens their follow-up, after a code.")
_AT_DOOR = N_("The patient of request {number} has come to the follow-up and waits to be let in.")


def of_visit(moved: VisitMoved) -> Notice | None:
    """What the others at the case are told."""
    message = _WORDS.get(moved.move)
    path = f"/consults/{moved.consult}"
    return Notice(f"followup.{moved.move}", message, path, (("number", moved.number),)) if message else None


def of_knock(consult: str, visit: str, number: str) -> Notice:
    """What the doctors are told: who waits, and where to let them in."""
    return Notice("followup.knock", _AT_DOOR, f"/consults/{consult}/call?visit={visit}", (("number", number),))


def of_link(path: str, number: str) -> Notice:
    """What the booker is told: where the patient goes in."""
    return Notice("followup.link", _LINK, path, (("number", number),))
