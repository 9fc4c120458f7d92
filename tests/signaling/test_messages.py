"""Frames are our words or are refused."""

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import messages
from signaling.errors import MessageRefused


def test_a_word_is_read():
    word = messages.decode('{"type": "offer", "number": 1, "sdp": "v=0", "sends": {"0": "audio"}}')
    assert word == messages.Offer(number=1, sdp="v=0", sends={"0": "audio"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type": "shout"}',
        '{"type": "ping", "number": "1"}',
        '{"type": "ping", "number": 1, "more": 2}',
        '{"type": "ping", "number": -1}',
        '{"type": "hello", "version": 1, "ticket": "' + "x" * 3000 + '"}',
        '{"type": "share", "topic": "a b", "body": {}}',
        "[" * 100_000,
    ],
)
def test_another_frame_is_refused(text):
    with pytest.raises(MessageRefused):
        messages.decode(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(
    st.sampled_from(["hello", "offer", "state", "share", "quality", "hand", "admit", "leave"]),
    st.dictionaries(st.text(max_size=8), json_values),
)
def test_any_json_is_read_or_refused(word, fields):
    try:
        messages.decode(json.dumps({"type": word, **fields}))
    except MessageRefused as error:
        said = str(error)
    else:
        said = ""
    assert len(said) < 300


def test_every_word_and_field_stands_in_the_document():
    text = (Path(__file__).parents[2] / "docs" / "exchange-words.md").read_text()
    for union in (messages.Request, messages.Reply):
        for word in get_args(union):
            assert f"| `{word.model_fields['type'].default}` |" in text
            for name in set(word.model_fields) - {"type", "version"}:
                assert f"`{name}`" in text, (word, name)
