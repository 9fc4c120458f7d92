"""Which form of a film or frame an Accept header prefers: as it is stored, or in another transfer syntax. Pure.

Source: DICOM PS3.18 8.7.3, 8.7.8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dicom_store.dicomweb.answers import DICOM, MULTIPART, OCTETS
from dicom_store.dicomweb.multipart import MediaType
from dicom_store.render.transcoded import EXPLICIT_LITTLE, HTJ2K_LOSSLESS, TARGETS

HTJ2K = "image/jphc"
FRAME_TYPES = {EXPLICIT_LITTLE: OCTETS, HTJ2K_LOSSLESS: HTJ2K}


@dataclass(frozen=True, slots=True)
class Choice:
    """A form that the caller takes.

    Attributes:
        single: One body, not parts.
        target: Transfer syntax to put it into; None leaves it as it is stored.
    """

    single: bool
    target: str | None = None


def film_form(kinds: Sequence[MediaType], stored: str, *, alone: bool) -> Choice | None:
    """How the caller wants a film.

    Args:
        kinds: What the caller takes, best first.
        stored: The film's transfer syntax.
        alone: Whether it is the only film of the answer.

    Returns:
        None where no form that we have is taken.
    """

    def offer(kind: MediaType, type_wanted: str, *, single: bool) -> Choice | None:
        if (single and not alone) or not _fits(type_wanted, DICOM):
            return None
        wanted = kind.parameters.get("transfer-syntax", "*")
        if wanted in {"*", stored}:
            return Choice(single)
        return Choice(single, wanted) if wanted in TARGETS else None

    if alone and any(kind.name == "text/html" for kind in kinds) and any(kind.name == "*/*" for kind in kinds):
        return Choice(single=True)  # a browser, which can keep one file but no parts
    return _best(kinds, offer)


def frame_form(kinds: Sequence[MediaType], part_type: str, stored: str, *, alone: bool) -> Choice | None:
    """How the caller wants frames.

    Args:
        kinds: What the caller takes, best first.
        part_type: Media type of the frames as they are stored.
        stored: Transfer syntax of the frames as they are stored.
        alone: Whether it is a single frame.
    """

    def offer(kind: MediaType, type_wanted: str, *, single: bool) -> Choice | None:
        if single and not alone:
            return None
        wanted = kind.parameters.get("transfer-syntax", "")
        if _fits(type_wanted, part_type) and wanted in {"", "*", stored}:
            return Choice(single)
        if type_wanted == OCTETS and wanted in {"*", stored}:
            return Choice(single)  # viewers ask so for any syntax and read the part's own type
        for target, name in FRAME_TYPES.items():
            if wanted == target and type_wanted in {name, OCTETS, "*/*"}:
                return Choice(single, target)
            if wanted in {"", "*"} and type_wanted == name and target != stored:
                return Choice(single, target)
        return None

    return _best(kinds, offer)


def bulk_form(kinds: Sequence[MediaType], part_type: str, *, alone: bool) -> Choice | None:
    """How the caller wants a value as it is."""

    def offer(kind: MediaType, type_wanted: str, *, single: bool) -> Choice | None:
        fits = _fits(type_wanted, part_type) or type_wanted == OCTETS
        return Choice(single) if fits and (alone or not single) else None

    return _best(kinds, offer)


def _best(kinds: Sequence[MediaType], offer: Callable[..., Choice | None]) -> Choice | None:
    """The best offer; of those that weigh the same, one that leaves things as they are stored."""
    if not kinds:
        return Choice(single=False)
    found: list[tuple[float, bool, Choice]] = []
    for kind in kinds:
        if kind.name in {"*/*", "multipart/*"}:
            made = offer(kind, "*/*", single=False)
        elif kind.name == MULTIPART:
            made = offer(kind, kind.parameters.get("type", "*/*").lower(), single=False)
        else:
            made = offer(kind, kind.name, single=True)
        if made is not None:
            found.append((kind.weight, made.target is None, made))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _fits(wanted: str, offered: str) -> bool:
    return wanted in {"*/*", offered} or (wanted.endswith("/*") and offered.startswith(wanted[:-1]))
