"""The worklist's filters as links: what an address means, and which addresses stand on the page. Pure."""

from collections.abc import Sequence
from urllib.parse import urlencode

from pydantic import Field

from teleconsult.consults.state import Kind, Priority, State
from teleconsult.consults.views import WorklistPage
from teleconsult.consults.worklist import Filter, Which
from teleconsult.desk.views import Link, Row, Worklist
from teleconsult.http.bodies import Incoming

_PATH = "/worklist"


class Wanted(Incoming):
    """What the address asks for; `done` is what was just done."""

    show: Which = Which.OPEN
    state: State | None = None
    kind: Kind | None = None
    priority: Priority | None = None
    q: str = Field("", max_length=100)
    cursor: str = Field("", max_length=200)
    done: str = Field("", max_length=20)

    def address(self, **changes: str) -> str:
        """The same list with some words changed; a blank word is taken away, the page begins anew."""
        words = {
            "show": "" if self.show is Which.OPEN else self.show,
            "state": self.state or "",
            "kind": self.kind or "",
            "priority": self.priority or "",
            "q": self.q,
        }
        told = {name: str(word) for name, word in (words | changes).items() if word}
        return f"{_PATH}?{urlencode(told)}" if told else _PATH


def filter_of(wanted: Wanted) -> Filter:
    """The room's filter. A search without another choice looks through everything."""
    show = Which.ALL if wanted.q and wanted.show is Which.OPEN else wanted.show
    return Filter(show, wanted.state, wanted.kind, wanted.priority, wanted.q, wanted.cursor)


def listing(wanted: Wanted, found: WorklistPage, rows: Sequence[Row], *, may_request: bool) -> Worklist:
    """The page: rows, and every filter as a link with its count."""
    return Worklist(
        rows=rows,
        total=found.total,
        views=_views(wanted, found, may_request=may_request),
        kinds=_narrow(wanted, found, "kind", Kind),
        priorities=_narrow(wanted, found, "priority", Priority),
        text=wanted.q,
        path_without_text=wanted.address(q=""),
        first_path=wanted.address(),
        next_path=wanted.address(cursor=found.cursor) if found.cursor else "",
        is_later_page=bool(wanted.cursor),
        may_request=may_request,
    )


def _views(wanted: Wanted, found: WorklistPage, *, may_request: bool) -> list[Link]:
    shown = [Which.OPEN, Which.WAITING_FOR_ME, Which.MINE, Which.OVERDUE]
    links = [
        Link(
            which,
            wanted.address(show="" if which is Which.OPEN else which, state=""),
            found.counts.get(which, 0),
            wanted.show is which and wanted.state is None,
        )
        for which in shown
    ]
    states = [State.RETURNED, *([State.DRAFT] if may_request else [])]
    links += [
        Link(state, wanted.address(show="", state=state), found.counts.get(f"state:{state}", 0), wanted.state is state)
        for state in states
    ]
    done = found.counts.get(Which.FINISHED, 0)
    is_done = wanted.show is Which.FINISHED and wanted.state is None
    links.append(Link(Which.FINISHED, wanted.address(show=Which.FINISHED, state=""), done, is_done))
    if wanted.state is not None and wanted.state not in states:
        links.append(Link(wanted.state, wanted.address(), found.total, current=True))
    return links


def _narrow(wanted: Wanted, found: WorklistPage, word: str, choices: type[Kind] | type[Priority]) -> list[Link]:
    chosen = getattr(wanted, word)
    show = filter_of(wanted).which
    links = [Link("", wanted.address(**{word: ""}), None, chosen is None)]
    for choice in choices:
        number = found.counts.get(f"{show}/{word}:{choice}", 0)
        links.append(Link(choice, wanted.address(**{word: choice}), number, chosen is choice))
    return links
