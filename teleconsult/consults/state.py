"""The words of a consult's life: its states, the moves, who somebody is for it. `table` says which move leads where.

The text of each word is the wire word and stands in the database; it never changes.
"""

from enum import StrEnum


class State(StrEnum):
    """Where a consult stands."""

    DRAFT = "draft"
    APPROVAL = "approval"
    TRIAGE = "triage"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    IN_SESSION = "in_session"
    REPORTING = "reporting"
    AUDIT = "audit"
    SIGNED = "signed"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    CLOSED = "closed"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Move(StrEnum):
    """What can be done to a consult; the text is the wire word."""

    SUBMIT = "submit"
    APPROVE = "approve"
    REFUSE_APPROVAL = "refuse_approval"
    ASSIGN = "assign"
    REDIRECT = "redirect"
    REJECT = "reject"
    ACCEPT = "accept"
    DECLINE = "decline"
    REASSIGN = "reassign"
    HAND_OVER = "hand_over"
    RETURN_FOR_MATERIAL = "return_for_material"
    RESUBMIT = "resubmit"
    SCHEDULE = "schedule"
    RESCHEDULE = "reschedule"
    START = "start"
    NO_SHOW = "no_show"
    FAIL_OVER = "fail_over"
    END_SESSION = "end_session"
    BEGIN_REPORT = "begin_report"
    SUBMIT_FOR_AUDIT = "submit_for_audit"
    REJECT_AUDIT = "reject_audit"
    SIGN = "sign"
    DELIVER = "deliver"
    ANSWER = "answer"
    CLOSE = "close"
    AMEND = "amend"
    RECORD_FINAL_DIAGNOSIS = "record_final_diagnosis"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    EXPIRE = "expire"


class Kind(StrEnum):
    """What sort of consultation."""

    CLINICAL = "clinical"
    IMAGING = "imaging"
    ECG = "ecg"
    MDT = "mdt"


class Mode(StrEnum):
    """By video, or store and forward."""

    LIVE = "live"
    ASYNCHRONOUS = "asynchronous"


class Priority(StrEnum):
    """How soon."""

    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class Adoption(StrEnum):
    """The requester's answer to the opinion: 采纳, 部分采纳, 不采纳."""

    ADOPTED = "adopted"
    PARTLY = "partly"
    NOT_ADOPTED = "not_adopted"


class Party(StrEnum):
    """What somebody is for one consult; a person can be several."""

    REQUESTER = "requester"
    SPECIALIST = "specialist"
    """The lead, or anyone of the department that holds the lead's seat."""
    MEMBER = "member"
    """Sits in a multidisciplinary consult beside the lead."""
    INVITED = "invited"
    """A member who has not accepted yet."""
    COORDINATOR = "coordinator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    """May release the opinion of another; the author never is this."""
    SIGNER = "signer"
    SYSTEM = "system"
    OBSERVER = "observer"
    """May read and moves nothing."""


class Condition(StrEnum):
    """What must hold, beside state and party, for a row to fit."""

    APPROVAL_ASKED = "approval_asked"
    NO_APPROVAL = "no_approval"
    ADDRESSED = "addressed"
    """A specialist is named, or in an emergency somebody is on duty."""
    UNADDRESSED = "unaddressed"
    LIVE = "live"
    ASYNCHRONOUS = "asynchronous"
    AUDIT_ASKED = "audit_asked"
    NO_AUDIT = "no_audit"
    TIME_PASSED = "time_passed"
    """The days that the policy gives this state are over."""
    REOPENABLE = "reopenable"
    ANSWER_DUE = "answer_due"
    """The newest version of the opinion has no answer."""
    FROM_TRIAGE = "from_triage"
    FROM_ASSIGNED = "from_assigned"
    FROM_ACCEPTED = "from_accepted"
    FROM_SCHEDULED = "from_scheduled"
    FROM_REPORTING = "from_reporting"


class NeedKind(StrEnum):
    """What sort of field a need is; pages draw it, the API describes it."""

    TEXT = "text"
    PERSON = "person"
    PEOPLE = "people"
    DEPARTMENT = "department"
    INSTITUTION = "institution"
    ITEMS = "items"
    """A list of `{kind, text}`: what is asked for."""
    REPLIES = "replies"
    """A list of `{item, given, reason}`: one for each open item."""
    MOMENT = "moment"
    CHOICE = "choice"
    CONSENT = "consent"
    FLAG = "flag"
    PASSWORD = "password"  # noqa: S105 - a kind of field, not a secret


class Room(StrEnum):
    """Which room's door takes the move: some need more than words."""

    CONSULTS = "consults"
    REPORTS = "reports"


ENDS_OF_LIFE = frozenset({State.REJECTED, State.WITHDRAWN, State.CANCELLED, State.EXPIRED})
FINISHED = ENDS_OF_LIFE | {State.CLOSED}
WITH_LEAD = frozenset(
    {
        State.ASSIGNED,
        State.ACCEPTED,
        State.SCHEDULED,
        State.IN_SESSION,
        State.REPORTING,
        State.AUDIT,
        State.SIGNED,
        State.DELIVERED,
        State.ANSWERED,
        State.CLOSED,
    }
)
"""States in which exactly one seat of the lead is held."""
