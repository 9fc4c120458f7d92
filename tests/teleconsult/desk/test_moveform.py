from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.consults.state import Move
from teleconsult.desk.moveform import fields_of, typed
from teleconsult.errors import FieldsRefused

CHINA = ZoneInfo("Asia/Shanghai")
NAMES = st.sampled_from(
    ["reason", "version", "item_kind", "item_text", "reply_item", "reply_given_1", "starts_at", "member_ids[]", "x"]
)


def test_empty_lines_of_a_list_are_left_out():
    texts = [
        ("version", "7"),
        ("item_kind", "study"),
        ("item_text", "增强 CT"),
        ("item_kind", "text"),
        ("item_text", " "),
    ]
    given_fields = fields_of(Move.RETURN_FOR_MATERIAL, texts, CHINA)
    assert [(item.kind, item.text) for item in given_fields.items] == [("study", "增强 CT")]
    assert given_fields.version == 7


def test_replies_are_put_together_by_their_number():
    texts = [
        ("reply_item", "1"), ("reply_given_1", "yes"), ("reply_reason_1", ""),
        ("reply_item", "2"), ("reply_given_2", "no"), ("reply_reason_2", "没有设备"), ("reply_item", "3"),
    ]  # fmt: skip
    replies = fields_of(Move.RESUBMIT, texts, CHINA).replies
    assert [(one.item, one.given, one.reason) for one in replies] == [(1, True, ""), (2, False, "没有设备")]


def test_a_local_time_is_the_sites():
    starts = fields_of(Move.SCHEDULE, [("starts_at", "2026-11-24T09:00")], CHINA).starts_at
    assert starts is not None
    assert starts.isoformat() == "2026-11-24T09:00:00+08:00"
    with pytest.raises(FieldsRefused):
        fields_of(Move.SCHEDULE, [("starts_at", "tomorrow")], CHINA)


@given(st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=12), st.sampled_from(Move))
def test_any_form_is_read_or_refused(texts, move):
    typed(texts)
    with suppress(FieldsRefused):
        assert fields_of(move, texts, CHINA).move is move
