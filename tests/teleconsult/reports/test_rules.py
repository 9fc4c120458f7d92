from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.consults.state import Party, State
from teleconsult.errors import NotAllowed, StepRefused
from teleconsult.reports.rules import (
    Chosen,
    Content,
    Measurement,
    Signed,
    as_json,
    clean,
    code_from,
    link,
    lock_for,
    normal_code,
    refuse_writer,
    signed_from,
)
from teleconsult.reports.state import Finding, LockAnswer

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@given(st.text())
def test_a_cleaned_text_is_clean_and_stays_as_it_is(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert not set(once) & set("\r\0\x1b\u202e\u2066\u200f")


def test_cleaning_keeps_what_a_physician_types() -> None:
    typed = "1. 结节 22 mm × 18 mm\n\t2. SpO₂ 95 %，T 36.5 ℃ 𠮷 é"
    assert clean(typed.replace("\n", "\r\n")) == typed


@given(st.binary(min_size=10, max_size=16))
def test_a_code_is_found_however_it_is_typed(random: bytes) -> None:
    code = code_from(random)
    assert len(code) == 19
    assert normal_code(f" {code.lower().replace('-', ' ')} ") == code


@pytest.mark.parametrize(
    "typed", ["", "ABCD", "0000-0000-0000-0000", "ABCD-EFGH-JKLM-NPQRS", "ＡBCD-EFGH-JKLM-NPQR'--"]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert normal_code(typed) == ""


@given(st.text(), st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_signed_content_comes_back_as_it_was(findings: str, note: str, center: float) -> None:
    signed = Signed(
        Content(findings, "o", "s", Finding.POSITIVE, (Measurement("a", "b"),), ("lab",)),
        (Chosen("i", "1", "2", "3", 4, center, None, note),),
    )
    assert signed_from(as_json(signed)) == signed


@pytest.mark.parametrize(
    ("holder", "minutes_left", "may_break", "answer"),
    [
        (None, 0, False, LockAnswer.TAKEN),
        ("other", -1, False, LockAnswer.TAKEN),
        ("other", 0, False, LockAnswer.TAKEN),
        ("me", 5, False, LockAnswer.KEPT),
        ("other", 5, False, LockAnswer.HELD),
        ("other", 5, True, LockAnswer.BROKEN),
    ],
)
def test_the_lock(holder: str | None, minutes_left: int, may_break: bool, answer: LockAnswer) -> None:
    until = NOW + timedelta(minutes=minutes_left) if holder else None
    assert lock_for(holder, until, "me", NOW, may_break=may_break) is answer


@pytest.mark.parametrize("state", list(State))
def test_only_the_lead_writes_and_only_while_it_is_due(state: State) -> None:
    for party in Party:
        if party is not Party.SPECIALIST:
            with pytest.raises(NotAllowed):
                refuse_writer(state, [party], amending=False)
    if state in {State.ACCEPTED, State.SCHEDULED, State.IN_SESSION, State.REPORTING}:
        refuse_writer(state, [Party.SPECIALIST], amending=False)
    else:
        with pytest.raises(StepRefused):
            refuse_writer(state, [Party.SPECIALIST], amending=False)


def test_a_link_changes_with_everything_it_holds() -> None:
    facts: dict[str, str | int] = {"consult": "c", "version": 1, "pdf": "ab"}
    links = {link("", facts), link("x", facts), link("", facts | {"version": 2}), link("", facts | {"pdf": "ac"})}
    assert len(links) == 4
