"""What the patients' pages are given: plain values, opened, in the person's own words. Pages draw them and ask nobody.

The service behind them is `portal.service.Portal`:

    join(token, actor | None)          -> JoinView        GET  /p/{token}
    send_code(token, address)          -> JoinView        POST /p/{token}/code
    enter(token, code, address, device) -> Entered(session, visit, path)   POST /p/{token}/enter, sets the cookie
    home(actor)                        -> HomeView        GET  /my
    visit(actor, visit_id)             -> VisitView       GET  /my/visits/{id}
    join_call(actor, visit_id)         -> scheduling.views.Joined(room, ticket, rtc)
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JoinState(StrEnum):
    """What the page behind a link says. Whatever it is, the visit itself still stands unless it says otherwise."""

    UNKNOWN = "unknown"
    """No such link: it was cut off, or typed wrongly. Nothing else is known, not even of whom to ask."""
    CODE = "code"
    """The link is good: send a code."""
    OLD = "old"
    """The link has expired: a code renews it."""
    SENT = "sent"
    """A code is on its way: fill it in."""
    SPENT = "spent"
    """The code was tried too often, or its time is over: send a new one."""
    READY = "ready"
    """This browser is the patient's: go on to the visit."""
    CANCELLED = "cancelled"
    """The visit was called off: call the institution."""
    ENDED = "ended"
    """The link was taken back or is older than a year: ask the institution for a new one."""


@dataclass(frozen=True, slots=True)
class DoctorView:
    """Who sees the patient."""

    name: str
    title: str
    department: str
    institution: str


@dataclass(frozen=True, slots=True)
class JoinView:
    """The page behind a link, before anybody knows who holds it: nothing here tells who is ill.

    Attributes:
        token: The link's, for the forms.
        masked_name: 孙*芬; "" where the link is unknown.
        visit: Id of the visit, for `READY`.
        phone_last4: Where the code goes; "" where the institution tells it by telephone.
        told_by_staff: No message is sent: the institution reads the code out.
        code_ends_at: Until when the code counts.
        again_at: From when another code may be asked for.
        tries_left: Of the code that was sent.
        line: The institution's telephone, "" where it has none.
    """

    token: str
    state: JoinState
    masked_name: str = ""
    doctor: DoctorView | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    visit: str = ""
    phone_last4: str = ""
    told_by_staff: bool = False
    sent_at: datetime | None = None
    code_ends_at: datetime | None = None
    again_at: datetime | None = None
    tries_left: int = 0
    line: str = ""


@dataclass(frozen=True, slots=True)
class VisitView:
    """One visit as its patient sees it.

    Attributes:
        state: Text of `followups.state.VisitState`: booked, in_session, done, missed, cancelled.
        consult: Id of the consult it belongs to.
        reason: What it is about.
        note: What the doctor asks the patient to do before.
        said: What the doctor wrote for the patient afterwards.
        next_step: What comes next.
        can_join: The call is open: now, or at any time until somebody of the staff ends it.
        doctor_is_there: A doctor is in the call at this moment.
    """

    id: str
    consult: str
    state: str
    doctor: DoctorView
    starts_at: datetime
    ends_at: datetime
    reason: str
    note: str
    said: str
    next_step: str
    cancelled_because: str
    can_join: bool
    doctor_is_there: bool
    line: str


@dataclass(frozen=True, slots=True)
class HomeView:
    """The patient's first page.

    Attributes:
        next_visit: The one to come, or that runs now.
        later: Those booked for after it, soonest first.
        past: What took place, was missed or called off, newest first.
    """

    name: str
    institution: str
    line: str
    next_visit: VisitView | None
    later: tuple[VisitView, ...]
    past: tuple[VisitView, ...]
