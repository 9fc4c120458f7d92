"""Pure: recordings put together from what was told of their files. One take is one recording with its pauses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from teleconsult.scheduling.state import Seen

_LOOKS = "view"
"""Label of the file that says which films were looked at."""
_KINDS = {"audio": "audio", "video": "video", "screen": "video", _LOOKS: _LOOKS}
_MEDIA = {"webm": "webm", "mkv": "x-matroska", "jsonl": "jsonl"}


@dataclass(frozen=True, slots=True)
class FileTold:
    """One happening about a file.

    Attributes:
        detail: As the exchange told it: `take`, `by`, `file`, `label`, `codec`, `began_ms`, `until_ms`.
    """

    room: str
    participant: str
    kind: str
    at: datetime
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Track:
    """One file of a take.

    Attributes:
        until_ms: None where it never ended orderly: it plays as far as it goes.
        media: Its content type.
    """

    file: str
    participant: str
    label: str
    kind: str
    media: str
    began_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class TakeFound:
    """One recording. Its time counts from when it was asked for; its tracks begin with the last yes, or later.

    Attributes:
        began_at: When the first file was told of.
        tracks: What is heard and seen.
        looks: Which films were looked at.
    """

    name: str
    room: str
    by: str
    began_at: datetime
    tracks: tuple[Track, ...]
    looks: tuple[Track, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All of it, as it lies on the shelf."""
        return tuple(track.file for track in (*self.tracks, *self.looks))

    @property
    def from_ms(self) -> int:
        """When something was heard first."""
        return min((track.began_ms for track in self.tracks or self.looks), default=0)

    @property
    def until_ms(self) -> int | None:
        """When something was heard last; None while nothing of it has ended."""
        ends = (track.until_ms for track in self.tracks or self.looks)
        return max((end for end in ends if end is not None), default=None)


def takes(told: Iterable[FileTold]) -> tuple[TakeFound, ...]:
    """The recordings that these files make, the latest first; their tracks in the order in which they began."""
    by_take: dict[tuple[str, str], list[FileTold]] = {}
    for one in told:
        if one.detail.get("take") and one.detail.get("file"):
            by_take.setdefault((one.room, str(one.detail["take"])), []).append(one)
    found = [_take(name, room, files) for (room, name), files in by_take.items()]
    return tuple(sorted(found, key=lambda take: take.began_at, reverse=True))


def _take(name: str, room: str, told: Sequence[FileTold]) -> TakeFound:
    tracks: dict[str, Track] = {}
    for one in sorted(told, key=lambda one: one.kind == Seen.RECORDED):  # what ended is told after what began
        track = _track(one)
        tracks[track.file] = track
    ordered = sorted(tracks.values(), key=lambda track: (track.began_ms, track.file))
    heard = tuple(track for track in ordered if track.kind != _LOOKS)
    looks = tuple(track for track in ordered if track.kind == _LOOKS)
    return TakeFound(name, room, str(told[0].detail.get("by", "")), min(one.at for one in told), heard, looks)


def _track(one: FileTold) -> Track:
    file, label = str(one.detail["file"]), str(one.detail.get("label", ""))
    kind, suffix = _KINDS.get(label, "audio"), file.partition(".")[2].partition(".")[0]
    until = int(one.detail["until_ms"]) if one.kind == Seen.RECORDED else None
    media = f"{'application' if kind == _LOOKS else kind}/{_MEDIA.get(suffix, 'webm')}"
    return Track(file, one.participant, label, kind, media, int(one.detail.get("began_ms", 0)), until)
