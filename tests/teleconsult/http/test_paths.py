import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.http.paths import own_path, see_other, with_words


@pytest.mark.parametrize(
    "text", ["//x", "/\\x", "https://x", "javascript:x", "x", "", "/a\nb", "/a\\b", "/" + "a" * 500]
)
def test_what_could_lead_away_leads_home(text):
    assert own_path(text) == "/"


@given(st.text())
def test_an_own_path_never_names_a_host(text):
    path = own_path(text)
    assert path.startswith("/")
    assert not path.startswith("//")


def test_words_are_quoted_and_empty_ones_left_out():
    assert with_words("/a", q="王 x", b="") == "/a?q=%E7%8E%8B+x"
    assert see_other("/a").headers["Location"] == "/a"
