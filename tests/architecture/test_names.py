"""Names of others that we rely on without a promise, and names of ours that others rely on."""

import ast
from pathlib import Path

import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from teleconsult.consults.state import Move, State
from teleconsult.consults.table import TABLE

REPOSITORY = Path(__file__).parents[2]
TAP = REPOSITORY / "signaling" / "media" / "tap.py"


class Line:
    """What RTCDtlsTransport asks of an ICE transport."""

    role = "controlled"
    state = "completed"


def private_names(path: Path) -> set[str]:
    """Private attributes of other objects than `self` that a module touches."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = node.value
            of_self = isinstance(owner, ast.Name) and owner.id == "self"
            if not of_self:
                found.add(node.attr)
    return found


async def test_every_private_name_of_aiortc_that_the_tap_uses_exists() -> None:
    transport = RTCDtlsTransport(Line(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    known = set(dir(transport)) | set(vars(pylibsrtp.Session)) | set(vars(pylibsrtp))
    known |= set(vars(pylibsrtp.Session(policy=policy())))
    assert private_names(TAP), "the tap reads private names, or this test looks at the wrong file"
    assert private_names(TAP) <= known, private_names(TAP) - known
    assert {"ffi", "lib"} <= vars(pylibsrtp).keys()


def policy() -> pylibsrtp.Policy:
    return pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND)


def test_nobody_but_the_tap_touches_private_names_of_aiortc() -> None:
    for path in (REPOSITORY / "signaling").rglob("*.py"):
        if path != TAP and "aiortc" in path.read_text():
            assert not private_names(path) & {"_rx_srtp", "_tx_srtp", "_set_role", "_recv_next", "_srtp"}, path


def test_every_state_is_reachable_and_every_move_is_somebodys() -> None:
    reached, edge = {State.DRAFT}, [State.DRAFT]
    while edge:
        here = edge.pop()
        following = {row.target for row in TABLE if row.source == here} - reached
        reached |= following
        edge += following
    assert reached == set(State)
    assert {row.move for row in TABLE} == set(Move)
    assert all(row.by for row in TABLE)


def test_every_state_and_move_has_words_on_the_pages() -> None:
    words = (REPOSITORY / "web" / "templates" / "partials" / "words.html").read_text()
    for name in (*State, *Move):
        assert f'"{name}":' in words, name


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for package in ("teleconsult", "signaling", "dicom_store", "tests/builders", "tools")
        for path in (REPOSITORY / package).rglob("*.py")
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []
