"""Which attribute is kept, removed, emptied or replaced: the standard's table and its options as data. Pure.

Source: DICOM PS3.15 annex E, table E.1-1 (in `profile.txt`).
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path


class Act(StrEnum):
    """What is done with an attribute."""

    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    NEW_UID = "U"
    SHIFT = "C"


class Dates(StrEnum):
    """What becomes of dates and times."""

    REMOVE = "remove"
    SHIFT = "shift"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the profile that are offered, all off.

    Attributes:
        dates: Removed; moved by a number of days that is one patient's; or kept.
        uids: Keep UIDs.
        device: Keep what names the device.
        institution: Keep what names the institution.
        characteristics: Keep sex, age, size, weight and the like.
    """

    dates: Dates = Dates.REMOVE
    uids: bool = False
    device: bool = False
    institution: bool = False
    characteristics: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The columns of the table that apply."""
        dates = {Dates.KEEP: ("dates",), Dates.SHIFT: ("shifted",), Dates.REMOVE: ()}[self.dates]
        single = ("uids", "device", "institution", "characteristics")
        return (*dates, *(word for word in single if getattr(self, word)))

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """What was done, as codes. Source: DICOM PS3.16 CID 7050."""
        return (_CODES["basic"], *(_CODES[word] for word in self.words))


_CODES = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shifted": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "characteristics": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
}
# Where the table leaves a choice to the class of the film, what is valid in every class: a dummy before an empty value.
_CHOICE = {"X/Z": Act.EMPTY, "X/D": Act.DUMMY, "Z/D": Act.DUMMY, "X/Z/D": Act.DUMMY, "X/Z/U*": Act.NEW_UID}


@cache
def _table() -> dict[str, tuple[Act, dict[str, str]]]:
    found = {}
    for line in Path(__file__).with_name("profile.txt").read_text("ascii").splitlines():
        if line.startswith("#"):
            continue
        tag, basic, *options = line.split()
        act = _CHOICE.get(basic) or Act(basic)
        found[tag] = (act, dict(option.split("=", 1) for option in options))
    return found


def act_on(tag: int, options: Options) -> Act:
    """What is done with an attribute, 0xGGGGEEEE.

    Private attributes and curves are removed. What the table does not name is kept: it says nothing of a person.
    """
    group = tag >> 16
    if group & 1 or 0x5000 <= group < 0x5100:
        return Act.REMOVE
    word = f"60xx{tag & 0xFFFF:04x}" if 0x6000 <= group < 0x6100 else f"{tag:08X}"
    row = _table().get(word)
    if row is None:
        return Act.KEEP
    basic, given = row
    for option in options.words:
        act = given.get(option)
        if act == "K" or (act == "C" and option == "shifted"):
            return Act(act)
    return basic
