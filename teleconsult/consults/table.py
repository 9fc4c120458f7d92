"""The consult's whole life as data: which move leads from where to where, who may make it, and what it needs.

`TABLE` is the only place a move is written down; pages, API, help texts and tests are made from it. Pure: it judges
no person and no record; `rules` says which parties somebody is and which conditions hold.
"""

from dataclasses import dataclass

from teleconsult.consults.state import Adoption, Condition, Move, NeedKind, Party, Room, State
from teleconsult.errors import StepRefused


@dataclass(frozen=True, slots=True)
class Need:
    """One field a move asks for.

    Attributes:
        name: The field's name on the wire.
        required: Whether the move is refused without it.
        unless: It is not required where one of these is given: `field`, or `field=value`.
        options: The words a choice may take.
    """

    name: str
    kind: NeedKind
    required: bool = True
    unless: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        when: All of these must hold.
        room: Where it is made: a move of the reports room is refused at the consult's own door.
    """

    move: Move
    source: State
    target: State
    by: frozenset[Party]
    needs: tuple[Need, ...] = ()
    when: frozenset[Condition] = frozenset()
    room: Room = Room.CONSULTS


REASON = Need("reason", NeedKind.TEXT)
CONSENT = Need("consent", NeedKind.CONSENT)
INCOMPLETE_REASON = Need("reason", NeedKind.TEXT)
SPECIALIST = Need("specialist_id", NeedKind.PERSON)
SPECIALIST_OR = Need("specialist_id", NeedKind.PERSON, unless=("department_id",))
OR_DEPARTMENT = Need("department_id", NeedKind.DEPARTMENT, unless=("specialist_id",))
MEMBERS = Need("member_ids", NeedKind.PEOPLE)
INSTITUTION = Need("institution_id", NeedKind.INSTITUTION)
ITEMS = Need("items", NeedKind.ITEMS)
REPLIES = Need("replies", NeedKind.REPLIES)
STARTS = Need("starts_at", NeedKind.MOMENT)
ENDS = Need("ends_at", NeedKind.MOMENT, required=False)
WHO_WAS_MISSING = Need("missing", NeedKind.CHOICE, options=("requester", "specialist", "patient"))
PHYSICIAN_PRESENT = Need("physician_present", NeedKind.FLAG)
GUARDIAN_PRESENT = Need("guardian_present", NeedKind.FLAG)
ADOPTION = Need("adoption", NeedKind.CHOICE, options=tuple(Adoption))
ADOPTION_REASON = Need("reason", NeedKind.TEXT, unless=(f"adoption={Adoption.ADOPTED}",))
DIAGNOSIS = Need("diagnosis", NeedKind.TEXT)
QUESTION = Need("question", NeedKind.TEXT)
PASSWORD = Need("password", NeedKind.PASSWORD)

_S, _M, _P, _C = State, Move, Party, Condition
_BEFORE_SESSION = (_S.ASSIGNED, _S.ACCEPTED, _S.SCHEDULED)
_SITTING = (_P.SPECIALIST, _P.MEMBER)


def _rows(
    move: Move,
    sources: tuple[State, ...],
    target: State | None,
    by: tuple[Party, ...],
    needs: tuple[Need, ...] = (),
    *when: Condition,
) -> tuple[Row, ...]:
    """One row for each source; a target of None leaves the state as it is."""
    return tuple(Row(move, source, target or source, frozenset(by), needs, frozenset(when)) for source in sources)


def _in_reports(*rows: Row) -> tuple[Row, ...]:
    return tuple(Row(row.move, row.source, row.target, row.by, row.needs, row.when, Room.REPORTS) for row in rows)


RETURNED_FROM = {
    _S.TRIAGE: _C.FROM_TRIAGE,
    _S.ASSIGNED: _C.FROM_ASSIGNED,
    _S.ACCEPTED: _C.FROM_ACCEPTED,
    _S.SCHEDULED: _C.FROM_SCHEDULED,
    _S.REPORTING: _C.FROM_REPORTING,
}
RETURNABLE = tuple(RETURNED_FROM)

_REQUEST = (
    *_rows(_M.SUBMIT, (_S.DRAFT,), _S.APPROVAL, (_P.REQUESTER,), (CONSENT, INCOMPLETE_REASON), _C.APPROVAL_ASKED),
    *_rows(
        _M.SUBMIT,
        (_S.DRAFT,),
        _S.ASSIGNED,
        (_P.REQUESTER,),
        (CONSENT, INCOMPLETE_REASON),
        _C.NO_APPROVAL,
        _C.ADDRESSED,
    ),
    *_rows(
        _M.SUBMIT,
        (_S.DRAFT,),
        _S.TRIAGE,
        (_P.REQUESTER,),
        (CONSENT, INCOMPLETE_REASON),
        _C.NO_APPROVAL,
        _C.UNADDRESSED,
    ),
    *_rows(_M.APPROVE, (_S.APPROVAL,), _S.ASSIGNED, (_P.APPROVER,), (), _C.ADDRESSED),
    *_rows(_M.APPROVE, (_S.APPROVAL,), _S.TRIAGE, (_P.APPROVER,), (), _C.UNADDRESSED),
    *_rows(_M.REFUSE_APPROVAL, (_S.APPROVAL,), _S.DRAFT, (_P.APPROVER,), (REASON,)),
)
_FINDING_SOMEBODY = (
    *_rows(_M.ASSIGN, (_S.TRIAGE,), _S.ASSIGNED, (_P.COORDINATOR,), (SPECIALIST_OR, OR_DEPARTMENT, MEMBERS)),
    *_rows(_M.REDIRECT, (_S.TRIAGE, _S.ASSIGNED), _S.TRIAGE, (_P.COORDINATOR,), (INSTITUTION, REASON)),
    *_rows(_M.REJECT, (_S.TRIAGE,), _S.REJECTED, (_P.COORDINATOR,), (REASON,)),
    *_rows(_M.ACCEPT, (_S.ASSIGNED,), _S.ACCEPTED, (_P.SPECIALIST,)),
    *_rows(_M.ACCEPT, (_S.ASSIGNED,), _S.ASSIGNED, (_P.INVITED,)),
    *_rows(_M.DECLINE, _BEFORE_SESSION, _S.TRIAGE, (_P.SPECIALIST,), (REASON,)),
    *_rows(_M.DECLINE, _BEFORE_SESSION, None, (_P.MEMBER,), (REASON,)),
    *_rows(
        _M.REASSIGN, (*_BEFORE_SESSION, _S.REPORTING), _S.ASSIGNED, (_P.COORDINATOR,), (SPECIALIST, MEMBERS, REASON)
    ),
    *_rows(
        _M.HAND_OVER,
        (_S.ACCEPTED, _S.SCHEDULED, _S.IN_SESSION, _S.REPORTING),
        _S.ASSIGNED,
        (_P.SPECIALIST,),
        (SPECIALIST, REASON),
    ),
)
_MATERIAL = (
    *_rows(_M.RETURN_FOR_MATERIAL, RETURNABLE, _S.RETURNED, (_P.COORDINATOR, *_SITTING), (ITEMS,)),
    *(
        row
        for back, condition in RETURNED_FROM.items()
        for row in _rows(_M.RESUBMIT, (_S.RETURNED,), back, (_P.REQUESTER,), (REPLIES,), condition)
    ),
)
_SESSION = (
    *_rows(_M.SCHEDULE, (_S.ACCEPTED,), _S.SCHEDULED, (_P.COORDINATOR, _P.SPECIALIST), (STARTS, ENDS), _C.LIVE),
    *_rows(
        _M.RESCHEDULE,
        (_S.SCHEDULED,),
        _S.SCHEDULED,
        (_P.COORDINATOR, _P.SPECIALIST, _P.REQUESTER),
        (STARTS, ENDS, REASON),
    ),
    *_rows(_M.START, (_S.SCHEDULED,), _S.IN_SESSION, (_P.REQUESTER, *_SITTING), (PHYSICIAN_PRESENT, GUARDIAN_PRESENT)),
    *_rows(
        _M.START,
        (_S.ACCEPTED,),
        _S.IN_SESSION,
        (_P.REQUESTER, *_SITTING),
        (PHYSICIAN_PRESENT, GUARDIAN_PRESENT),
        _C.LIVE,
    ),
    *_rows(
        _M.NO_SHOW,
        (_S.SCHEDULED,),
        _S.ACCEPTED,
        (_P.COORDINATOR, _P.REQUESTER, _P.SPECIALIST),
        (WHO_WAS_MISSING,),
    ),
    *_rows(
        _M.FAIL_OVER,
        (_S.SCHEDULED, _S.IN_SESSION),
        _S.REPORTING,
        (_P.REQUESTER, _P.SPECIALIST, _P.SYSTEM),
        (REASON,),
    ),
    *_rows(_M.FAIL_OVER, (_S.ACCEPTED,), _S.REPORTING, (_P.REQUESTER, _P.SPECIALIST, _P.SYSTEM), (REASON,), _C.LIVE),
    *_rows(_M.END_SESSION, (_S.IN_SESSION,), _S.REPORTING, (_P.SPECIALIST,)),
)
_OPINION = (
    *_rows(_M.BEGIN_REPORT, (_S.ACCEPTED,), _S.REPORTING, (_P.SPECIALIST,), (), _C.ASYNCHRONOUS),
    *_in_reports(
        *_rows(_M.SUBMIT_FOR_AUDIT, (_S.REPORTING,), _S.AUDIT, (_P.SPECIALIST,), (), _C.AUDIT_ASKED),
        *_rows(_M.REJECT_AUDIT, (_S.AUDIT,), _S.REPORTING, (_P.AUDITOR,), (REASON,)),
        *_rows(_M.SIGN, (_S.REPORTING,), _S.SIGNED, (_P.SPECIALIST,), (PASSWORD,), _C.NO_AUDIT),
        *_rows(_M.SIGN, (_S.AUDIT,), _S.SIGNED, (_P.AUDITOR,), (PASSWORD,)),
        *_rows(_M.DELIVER, (_S.SIGNED,), _S.DELIVERED, (_P.SYSTEM,)),
        *_rows(_M.AMEND, (_S.DELIVERED, _S.ANSWERED, _S.CLOSED), None, (_P.SIGNER,), (REASON, PASSWORD)),
    ),
)
_AFTERWARDS = (
    *_rows(_M.ANSWER, (_S.DELIVERED,), _S.ANSWERED, (_P.REQUESTER,), (ADOPTION, ADOPTION_REASON)),
    # "Told and answers anew": an amended opinion is answered again without going back in its life.
    *_rows(
        _M.ANSWER,
        (_S.ANSWERED, _S.CLOSED),
        None,
        (_P.REQUESTER,),
        (ADOPTION, ADOPTION_REASON),
        _C.ANSWER_DUE,
    ),
    *_rows(_M.CLOSE, (_S.ANSWERED,), _S.CLOSED, (_P.REQUESTER, _P.SYSTEM)),
    *_rows(_M.CLOSE, (_S.DELIVERED,), _S.CLOSED, (_P.REQUESTER, _P.SYSTEM), (), _C.TIME_PASSED),
    *_rows(_M.RECORD_FINAL_DIAGNOSIS, (_S.ANSWERED, _S.CLOSED), None, (_P.REQUESTER,), (DIAGNOSIS,)),
    *_rows(_M.REOPEN, (_S.CLOSED,), _S.ACCEPTED, (_P.REQUESTER, _P.SPECIALIST), (QUESTION,), _C.REOPENABLE),
)
_ENDING_EARLY = (
    *_rows(_M.WITHDRAW, (_S.DRAFT,), _S.WITHDRAWN, (_P.REQUESTER,)),
    *_rows(
        _M.WITHDRAW,
        (_S.APPROVAL, _S.TRIAGE, *_BEFORE_SESSION, _S.RETURNED),
        _S.WITHDRAWN,
        (_P.REQUESTER,),
        (REASON,),
    ),
    *_rows(
        _M.CANCEL,
        (_S.APPROVAL, _S.TRIAGE, *_BEFORE_SESSION, _S.IN_SESSION, _S.REPORTING, _S.RETURNED),
        _S.CANCELLED,
        (_P.COORDINATOR,),
        (REASON,),
    ),
    *_rows(_M.EXPIRE, (_S.DRAFT, _S.RETURNED), _S.EXPIRED, (_P.SYSTEM,), (), _C.TIME_PASSED),
)

TABLE: tuple[Row, ...] = (
    *_REQUEST,
    *_FINDING_SOMEBODY,
    *_MATERIAL,
    *_SESSION,
    *_OPINION,
    *_AFTERWARDS,
    *_ENDING_EARLY,
)

_INDEX: dict[tuple[State, Move, Party], tuple[Row, ...]] = {}
for _row in TABLE:
    for _party in _row.by:
        _key = (_row.source, _row.move, _party)
        _INDEX[_key] = (*_INDEX.get(_key, ()), _row)


def row_for(state: State, move: Move, party: Party, given: frozenset[Condition]) -> Row:
    """Find the one row that fits.

    Raises:
        StepRefused: There is none: this party may not make this move now.
    """
    try:
        fitting = {row.target: row for row in _INDEX[state, move, party] if row.when <= given}
        (row,) = fitting.values()
    except (KeyError, ValueError):
        raise StepRefused("This cannot be done now. Look at the present state first.") from None
    return row


def after(state: State, move: Move, party: Party, given: frozenset[Condition] = frozenset()) -> State:
    """The state that a move leads to.

    Args:
        state: Where the consult stands.
        move: What is wanted.
        party: As whom.
        given: The conditions that hold.

    Raises:
        StepRefused: The table has no such row.
    """
    return row_for(state, move, party, given).target


def rows_from(state: State, parties: frozenset[Party], given: frozenset[Condition]) -> tuple[Row, ...]:
    """All rows that these parties may walk now, in the table's order."""
    return tuple(row for row in TABLE if row.source == state and row.by & parties and row.when <= given)
