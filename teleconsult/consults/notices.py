"""What people are told of a consult: the words for each happening. Pure; `reactions` decides that they are told.

No patient data: a notice names the consult by its number, and its path leads to the rest.
"""

from collections.abc import Mapping

from teleconsult.consults.events import ConsultMoved, MaterialAdded, MessagePosted
from teleconsult.consults.state import Move, Priority, State
from teleconsult.http.bodies import N_
from teleconsult.notifications.ports import Notice

_MOVED: Mapping[tuple[Move, State], str] = {
    (Move.SUBMIT, State.APPROVAL): N_("Request {number} waits for your approval."),
    (Move.SUBMIT, State.TRIAGE): N_("Request {number} has come in and waits to be assigned."),
    (Move.SUBMIT, State.ASSIGNED): N_("Request {number} was sent to you."),
    (Move.APPROVE, State.TRIAGE): N_("Request {number} was approved and waits to be assigned."),
    (Move.APPROVE, State.ASSIGNED): N_("Request {number} was approved and goes straight to the specialist."),
}
_BY_MOVE: Mapping[Move, str] = {
    Move.REFUSE_APPROVAL: N_("Request {number} was not approved. It is a draft again, with the reason."),
    Move.ASSIGN: N_("Request {number} was assigned."),
    Move.REASSIGN: N_("Request {number} was assigned anew."),
    Move.HAND_OVER: N_("Request {number} was handed over."),
    Move.REDIRECT: N_("Request {number} was passed on to another institution."),
    Move.REJECT: N_("Request {number} was not accepted. The reason is with it."),
    Move.ACCEPT: N_("Request {number} was accepted by the specialist."),
    Move.DECLINE: N_("Request {number} was declined and waits to be assigned again."),
    Move.RETURN_FOR_MATERIAL: N_("Request {number} needs more material from you. The clock stands meanwhile."),
    Move.RESUBMIT: N_("The material for request {number} was answered."),
    Move.SCHEDULE: N_("Request {number} has an appointment."),
    Move.RESCHEDULE: N_("The appointment of request {number} was moved."),
    Move.START: N_("The session of request {number} has begun."),
    Move.NO_SHOW: N_("The session of request {number} did not take place."),
    Move.FAIL_OVER: N_("Request {number} goes on in writing. Nothing is lost, and the clock goes on."),
    Move.END_SESSION: N_("The session of request {number} has ended; the opinion is being written."),
    Move.SUBMIT_FOR_AUDIT: N_("The opinion on request {number} waits for your audit."),
    Move.REJECT_AUDIT: N_("The opinion on request {number} came back from the audit."),
    Move.DELIVER: N_("The opinion on request {number} has arrived."),
    Move.AMEND: N_("The opinion on request {number} was amended. Please read it and answer again."),
    Move.ANSWER: N_("The requester has answered the opinion on request {number}."),
    Move.CLOSE: N_("Request {number} was closed."),
    Move.RECORD_FINAL_DIAGNOSIS: N_("The final diagnosis for request {number} was recorded."),
    Move.REOPEN: N_("Request {number} was opened again with a new question."),
    Move.WITHDRAW: N_("Request {number} was withdrawn."),
    Move.CANCEL: N_("Request {number} was cancelled. The reason is with it."),
    Move.EXPIRE: N_("Request {number} has expired."),
}
_NEAR: Mapping[str, str] = {
    "accept": N_("Time is running out to accept request {number}."),
    "answer": N_("Time is running out to answer request {number}."),
    "approve": N_("Time is running out to approve request {number}."),
    "expire": N_("Request {number} will expire soon."),
    "close": N_("Request {number} will be closed soon. Please answer the opinion."),
}
_PASSED: Mapping[str, str] = {
    "accept": N_("Request {number} is overdue: nobody has accepted it."),
    "answer": N_("Request {number} is overdue: it is not answered."),
    "approve": N_("Request {number} is overdue: it is not approved."),
}


def of_move(moved: ConsultMoved) -> Notice | None:
    """What is told of a move, None where it is no news to anybody."""
    move, state = Move(moved.move), State(moved.state)
    message = _MOVED.get((move, state)) or _BY_MOVE.get(move)
    if message is None:
        return None
    return _notice(f"consult.{move}", message, moved.consult, moved.number, loud=moved.priority == Priority.EMERGENCY)


def of_message(posted: MessagePosted) -> Notice:
    """What is told of a message."""
    return _notice("consult.message", N_("New message on request {number}."), posted.consult, posted.number)


def of_material(added: MaterialAdded) -> Notice:
    """What is told of a film, lab report or document."""
    return _notice("consult.material", N_("New material on request {number}."), added.consult, added.number)


def of_warning(consult: str, number: str, word: str) -> Notice | None:
    """What is told before a deadline."""
    message = _NEAR.get(word)
    return _notice(f"deadline.{word}", message, consult, number) if message else None


def of_overdue(consult: str, number: str, word: str) -> Notice | None:
    """What is told when a deadline is over; those after which the house itself acts are told by its move."""
    message = _PASSED.get(word)
    return _notice(f"overdue.{word}", message, consult, number, loud=True) if message else None


def _notice(word: str, message: str, consult: str, number: str, *, loud: bool = False) -> Notice:
    return Notice(word, message, f"/consults/{consult}", (("number", number),), loud)
