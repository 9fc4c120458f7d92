from teleconsult.consults.state import Kind, State
from teleconsult.consults.views import WorklistPage
from teleconsult.consults.worklist import Which
from teleconsult.desk.listing import Wanted, filter_of, listing

FOUND = WorklistPage((), {"open": 14, "overdue": 1, "state:returned": 2, "open/kind:ecg": 3}, 14, "next")


def test_the_plain_address_shows_what_is_open():
    shown = listing(Wanted(), FOUND, [], may_request=False)
    assert [(link.key, link.number) for link in shown.views if link.current] == [("open", 14)]
    assert shown.next_path == "/worklist?cursor=next"


def test_filters_keep_each_other():
    wanted = Wanted(show=Which.OVERDUE, kind=Kind.ECG, q="王 x")
    shown = listing(wanted, FOUND, [], may_request=True)
    assert shown.path_without_text == "/worklist?show=overdue&kind=ecg"
    assert any(link.path == "/worklist?kind=ecg&q=%E7%8E%8B+x" for link in shown.views)
    assert [link.key for link in shown.kinds if link.current] == ["ecg"]


def test_counts_stand_at_the_filters():
    shown = listing(Wanted(), FOUND, [], may_request=True)
    assert {link.key: link.number for link in shown.views}["returned"] == 2
    assert {link.key: link.number for link in shown.kinds}["ecg"] == 3


def test_a_search_looks_through_everything():
    assert filter_of(Wanted(q="王")).which is Which.ALL
    assert filter_of(Wanted(q="王", show=Which.FINISHED)).which is Which.FINISHED


def test_a_state_that_has_no_filter_of_its_own_is_shown_as_chosen():
    shown = listing(Wanted(show=Which.WAITING_FOR_ME, state=State.REPORTING), FOUND, [], may_request=False)
    assert [link.key for link in shown.views if link.current] == ["reporting"]
