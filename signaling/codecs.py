"""Pure: which video codec a publisher should send, and whose pictures cannot be shown to whom.

Nothing is decoded here, so a picture comes in the codec in which it was sent. Who can send several sends the one that
most of the others can play. Who is left out all the same is told, and so is whose picture it is; voices always go.

Source: RFC 7742 (browsers have VP8 and H264; some builds and devices lack one of them).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

CODECS: Final = ("VP8", "H264")
"""Where nothing else decides, the first."""


def best(plays: Iterable[Collection[str]], sent: Collection[str] = ()) -> str:
    """The codec that most can play; of two alike the one that is sent now.

    Args:
        plays: What each of the others can play.
        sent: What the publisher sends now.
    """
    listed = list(plays)
    return max(CODECS, key=lambda name: (sum(name in one for one in listed), name in sent))


@dataclass(frozen=True, slots=True)
class Unseen:
    """What one participant lacks for want of a common codec.

    Attributes:
        tracks: `participant/label` of others' pictures that it cannot be shown.
        by: Who cannot be shown its own.
    """

    tracks: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


NOTHING: Final = Unseen()


def unseen(pairs: Iterable[tuple[str, str, str]]) -> Mapping[str, Unseen]:
    """Told from both ends.

    Args:
        pairs: Who, whose picture, and its label.
    """
    tracks: dict[str, set[str]] = {}
    by: dict[str, set[str]] = {}
    for who, whose, label in pairs:
        tracks.setdefault(who, set()).add(f"{whose}/{label}")
        by.setdefault(whose, set()).add(who)
    return {who: Unseen(tuple(sorted(tracks.get(who, ()))), tuple(sorted(by.get(who, ())))) for who in {*tracks, *by}}
