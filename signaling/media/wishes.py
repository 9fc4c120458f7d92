"""Pure: what an offer's sections mean for the room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from signaling.media.sdp import Section

if TYPE_CHECKING:
    from signaling.media.tracks import Slot


@dataclass(slots=True)
class Wishes:
    """What an offer means.

    Attributes:
        sends: mid -> the slot that the participant's track fills.
        takes: mid -> the slot that is wanted there.
        prefer: The video codec that everybody in the room can play.
    """

    sends: Mapping[str, "Slot"] = field(default_factory=dict)
    takes: Mapping[str, "Slot"] = field(default_factory=dict)
    prefer: str = "VP8"


def receives(section: Section, wishes: Wishes) -> bool:
    """Whether we take what they send there."""
    return bool(section.codecs) and section.they_send and section.mid in wishes.sends


def sends(section: Section, wishes: Wishes) -> "Slot | None":
    """What we send there."""
    return wishes.takes.get(section.mid) if section.codecs and section.they_take else None


def useful(section: Section, wishes: Wishes) -> bool:
    """Whether anything flows there at all."""
    return receives(section, wishes) or sends(section, wishes) is not None
