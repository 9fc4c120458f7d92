"""Which node a room goes to."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.directory import Standing, home_of, next_for_viewers

FULL = 40_000


def test_a_room_stays_where_it_is_however_busy_that_node_is() -> None:
    living = [Standing("a", packets_s=90_000), Standing("b")]
    assert home_of("r", "a", living) == "a"


def test_a_room_stays_on_a_draining_node_as_long_as_its_people_are_there() -> None:
    assert home_of("r", "a", [Standing("a", draining=True), Standing("b")]) == "a"


def test_a_new_room_goes_to_the_idlest_node() -> None:
    assert home_of("r", "", [Standing("a", packets_s=9_000), Standing("b", packets_s=3_000)]) == "b"
    assert home_of("r", "", [Standing("a", peers=40), Standing("b", packets_s=3_000)]) == "b"


def test_a_draining_node_gets_no_new_room() -> None:
    assert home_of("r", "", [Standing("a", draining=True), Standing("b", packets_s=30_000)]) == "b"
    assert home_of("r", "", [Standing("a", draining=True)]) == ""


def test_a_node_that_is_not_heard_of_has_lost_its_rooms() -> None:
    assert home_of("r", "a", [Standing("b")]) == "b"
    assert home_of("r", "a", []) == ""


def test_of_idle_nodes_the_one_with_fewer_rooms_is_taken() -> None:
    assert home_of("r", "", [Standing("a", rooms=2), Standing("b", rooms=1)]) == "b"
    assert home_of("r", "", [Standing("a", rooms=1), Standing("b", rooms=2)]) == "a"


def test_idle_nodes_share_the_rooms() -> None:
    nodes = [Standing("a"), Standing("b"), Standing("c")]
    found = [home_of(f"c.{number}.1", "", nodes) for number in range(300)]
    assert min(found.count(node.name) for node in nodes) > 60


def test_viewers_go_to_the_room_s_own_node_until_it_is_full() -> None:
    assert next_for_viewers("r", "a", [Standing("a", packets_s=FULL - 1), Standing("b")]) == "a"
    assert next_for_viewers("r", "a", [Standing("a", packets_s=FULL), Standing("b")]) == "b"
    assert next_for_viewers("r", "a", [Standing("a"), Standing("b")], refused=["a"]) == "b"


def test_where_all_are_full_the_own_node_takes_them_until_it_says_no() -> None:
    living = [Standing("a", packets_s=FULL), Standing("b", packets_s=FULL), Standing("c", draining=True)]
    assert next_for_viewers("r", "a", living) == "a"
    assert next_for_viewers("r", "a", living, refused=["a"]) == ""


NODES = st.lists(
    st.builds(
        Standing,
        st.sampled_from("abcdef"),
        st.integers(0, 500),
        st.integers(0, 90_000),
        st.integers(0, 9),
        st.booleans(),
    ),
    unique_by=lambda node: node.name,
)


@given(st.text(max_size=10), st.sampled_from(["", *"abcdefg"]), NODES)
def test_a_room_is_never_given_to_a_stale_or_draining_node(room: str, held_by: str, nodes: list[Standing]) -> None:
    chosen = home_of(room, held_by, nodes)
    alive = {node.name: node for node in nodes}
    if held_by in alive:
        assert chosen == held_by
    elif chosen:
        assert not alive[chosen].draining
    else:
        assert all(node.draining for node in nodes)


@given(st.text(max_size=10), NODES)
def test_whoever_asks_finds_the_same_node(room: str, nodes: list[Standing]) -> None:
    assert home_of(room, "", nodes) == home_of(room, "", nodes[::-1])
