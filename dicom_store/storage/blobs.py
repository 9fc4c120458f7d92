"""Films as encrypted bytes in packs, synced before anything is acknowledged: handed out to write, read by stretches.

One `PackWriter` belongs to one request at a time; a finished one goes back to the shelf and is used again until it is
full. Where the packs lie is a `Disk` or a `Bucket`. After a failed write or sync no more films are taken until the
server is started anew: a disk that lied once is not asked again.
"""

import errno
import json
import threading
from asyncio import get_running_loop
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, NoReturn, ParamSpec, Protocol, TypeVar

from dicom_store.errors import StorageFull, Unavailable
from dicom_store.model import BlobRef
from dicom_store.storage import packs
from dicom_store.storage.disk import Disk
from dicom_store.storage.keys import KeyRing
from dicom_store.storage.packs import PackCode
from dicom_store.storage.packwriter import PackWriter

P = ParamSpec("P")
T = TypeVar("T")

_KNOWN_PACKS = 256
_STREAM_BYTES = 8 * packs.SEGMENT
_SMALL_BYTES = 1 << 20
"""Decrypting it takes less time than a thread's waking and the way back."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Place(Protocol):
    """Where packs lie: `disk.Disk`, `bucket.Bucket`. Everything blocks."""

    appends: bool

    def prepare(self) -> None:
        """Make ready."""

    def path_of(self, pack: str) -> Path:
        """The file that a pack is written to."""

    def finish(self, pack: str) -> None:
        """The pack's file is synced: bring it to where it is kept. It is safe when this returns."""

    def refuse_if_full(self, more_bytes: int) -> None:
        """Raise StorageFull when this many bytes more are too many."""

    def read(self, pack: str, start: int, count: int) -> bytes:
        """Bytes of a pack, fewer at its end. Raises Unavailable."""

    def read_cached(self, pack: str, start: int, count: int) -> bytearray | None:
        """The same without waiting; None where all of it is not in memory."""

    def size(self, pack: str) -> int | None:
        """Bytes of a pack, None if there is none."""

    def loose(self, sealed: Iterable[str]) -> list[str]:
        """Packs that a killed process may have left with a torn end."""

    def cut(self, pack: str, end: int) -> bool:
        """Cut off a torn end; whether it was done."""

    def idle(self, pack: str) -> bool:
        """Whether nobody is writing the pack."""

    def remove(self, pack: str) -> None:
        """Take a pack away for good."""

    def close(self) -> None:
        """Let go of what is open."""


class Record(NamedTuple):
    """A film as its pack alone tells of it.

    Attributes:
        label: See `description.label`.
        offset: Of its first segment.
    """

    label: bytes
    offset: int


def _wanted(ref: BlobRef, start: int, length: int | None) -> int:
    return ref.length - start if length is None else min(length, ref.length - start)


class _Watch:
    """Turns the disk's errors into the archive's, and remembers the bad ones."""

    def __init__(self, blobs: "Blobs") -> None:
        self._blobs = blobs

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            self._blobs.failed(error)


class Blobs:
    """All packs of one archive.

    Args:
        place: Where the packs lie; a folder is a disk without a reserve.
        threads: Reads run here, off the event loop.
        pack_bytes: A pack over this size is not taken up again.
    """

    def __init__(self, place: Place | Path, keys: KeyRing, threads: ThreadPoolExecutor, pack_bytes: int) -> None:
        self.place: Place = Disk(place) if isinstance(place, Path) else place
        self.keys = keys
        self._threads = threads
        self._pack_bytes = pack_bytes
        self._shelf: list[PackWriter] = []
        self._lock = threading.Lock()
        self._codes: OrderedDict[str, PackCode] = OrderedDict()
        self._broken = False

    # ------------------------------------------------------------ writing

    def open(self) -> PackWriter:
        """Take a pack to append to, from the shelf or a new one; blocks. Give it back with `shelve` or `abandon`.

        Raises:
            StorageFull: No room.
            Unavailable: The disk failed before.
        """
        self.refuse_if_broken()
        with self._lock:
            if self._shelf:
                return self._shelf.pop()
        return self.open_new()

    def open_new(self) -> PackWriter:
        """Take a pack that nothing was written to yet; see `open`."""
        self.refuse_if_broken()
        with self.watch():
            self.place.refuse_if_full(0)
            return PackWriter(self)

    def shelve(self, pack: PackWriter) -> None:
        """Give a synced pack back."""
        with self._lock:
            if self.place.appends and pack.size < self._pack_bytes and len(self._shelf) < 4 and not self._broken:
                self._shelf.append(pack)
                return
        pack.close()

    def abandon(self, pack: PackWriter) -> None:
        """Give back a pack whose last bytes are not to be trusted: it is never appended to again."""
        pack.close()

    def finish(self, pack: str) -> None:
        """See `Place.finish`."""
        self.place.finish(pack)

    def refuse_if_full(self, more_bytes: int) -> None:
        """See `Place.refuse_if_full`."""
        self.place.refuse_if_full(more_bytes)

    def refuse_if_broken(self) -> None:
        """Raise Unavailable when the disk failed before."""
        if self._broken:
            raise Unavailable("The server's disk reported an error. Films are not taken until it has been checked.")

    def watch(self) -> _Watch:
        """A context in which errors of the disk become the archive's."""
        return _Watch(self)

    def failed(self, error: OSError) -> NoReturn:
        """Say what an error of the disk means; all but a full disk stop the taking of films for good."""
        if error.errno in _FULL:
            raise StorageFull("The server has no room for more films. Please tell its administrator.") from error
        self._broken = True
        raise Unavailable(
            "The server's disk reported an error. Films are not taken until it has been checked."
        ) from error

    # ------------------------------------------------------------ reading

    def path_of(self, pack: str) -> Path:
        """The file that a pack is written to; `pack` is its id in hex."""
        return self.place.path_of(pack)

    def read_now(self, ref: BlobRef, start: int = 0, length: int | None = None) -> bytes:
        """Read a stretch of a film; blocks.

        Args:
            ref: Where the film lies.
            start: First byte, within the film.
            length: Bytes wanted; None is to the end.

        Raises:
            Unavailable: The pack is missing or was changed.
        """
        wanted = _wanted(ref, start, length)
        if wanted <= 0:
            return b""
        stretch = packs.stretch(self._code(ref.pack), ref, start, wanted)
        data = self.place.read(ref.pack, stretch.begin, stretch.length)
        if len(data) != stretch.length:
            raise Unavailable("A stored film is damaged on the server's disk.")
        return stretch.opened(data)

    def read_in_memory(self, ref: BlobRef) -> bytes | None:
        """A whole film without waiting for the disk; None where that cannot be. For a thread: it takes its time."""
        return self._from_memory(self._code(ref.pack), ref, 0, ref.length) if ref.length else None

    def _read_here(self, ref: BlobRef, start: int, length: int | None) -> bytes | None:
        """A short stretch without waiting for the disk; None where that cannot be."""
        wanted, code = _wanted(ref, start, length), self._codes.get(ref.pack)
        if code is None or not 0 < wanted <= _SMALL_BYTES:
            return None
        return self._from_memory(code, ref, start, wanted)

    def _from_memory(self, code: PackCode, ref: BlobRef, start: int, wanted: int) -> bytes | None:
        stretch = packs.stretch(code, ref, start, wanted)
        data = self.place.read_cached(ref.pack, stretch.begin, stretch.length)
        return None if data is None else stretch.opened(data)

    async def read(self, ref: BlobRef, start: int = 0, length: int | None = None) -> bytes:
        """Read a stretch of a film; see `read_now`. A short one that is in memory is read in place."""
        here = self._read_here(ref, start, length)
        return here if here is not None else await self.run(self.read_now, ref, start, length)

    async def stream(self, ref: BlobRef, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Read a stretch of a film in pieces of at most 1 MiB."""
        end = ref.length if length is None else min(ref.length, start + length)
        while start < end:
            stop = min(end, (start // _STREAM_BYTES + 1) * _STREAM_BYTES)
            yield await self.read(ref, start, stop - start)
            start = stop

    def records(self, pack: str, end: int) -> Iterator[Record]:
        """Everything that was ever written to a pack, up to byte `end`, in order; blocks.

        Raises:
            Unavailable: The pack was changed.
        """
        code, place = self._code(pack), packs.HEADER_BYTES
        while place < end:
            head = self.place.read(pack, place, packs.RECORD_BYTES)
            length = packs.label_length(head)
            label = code.read_label(head + self.place.read(pack, place + packs.RECORD_BYTES, length), place)
            offset = place + packs.RECORD_BYTES + length
            yield Record(label, offset)
            film = int(json.loads(label)["length"])
            place = offset + packs.stored_length(film, code.header.segment)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in the archive's threads."""
        return await get_running_loop().run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def _code(self, pack: str) -> PackCode:
        with self._lock:
            code = self._codes.get(pack)
            if code is not None:
                self._codes.move_to_end(pack)
                return code
        header = packs.decode_header(self.place.read(pack, 0, packs.HEADER_BYTES))
        code = PackCode(self.keys.pack_cipher(header.key, header.salt), header)
        with self._lock:
            self._codes[pack] = code
            while len(self._codes) > _KNOWN_PACKS:
                self._codes.popitem(last=False)
        return code

    # ------------------------------------------------------------ starting and ending

    def prepare(self) -> None:
        """Make ready; blocks."""
        self.place.prepare()

    def loose_packs(self, sealed: Iterable[str]) -> list[str]:
        """Packs that are not known to be complete."""
        return self.place.loose(sealed)

    def cut(self, pack: str, end: int) -> bool:
        """See `Place.cut`."""
        return self.place.cut(pack, end)

    def close(self) -> None:
        """Close every pack."""
        with self._lock:
            for pack in self._shelf:
                pack.close()
            self._shelf.clear()
        self.place.close()
