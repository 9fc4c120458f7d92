"""Films on the local disk: packs that only grow, synced before anything is acknowledged.

One `PackWriter` belongs to one request at a time; a finished one goes back to the shelf and is used again until it is
full. Every process writes only packs that it opened itself and holds a lock on them. After a failed write or sync no
more films are taken until the server is started anew: a disk that lied once is not asked again.
"""

import errno
import fcntl
import os
import threading
from asyncio import get_running_loop
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from dicom_store.errors import StorageFull, Unavailable
from dicom_store.model import BlobRef
from dicom_store.storage import packs
from dicom_store.storage.keys import TAG_BYTES, KeyRing
from dicom_store.storage.packs import PackCode, PackHeader

P = ParamSpec("P")
T = TypeVar("T")

_OPEN_PACKS = 64
_STREAM_BYTES = 8 * packs.SEGMENT
_ROOM_SEGMENTS = 5
"""A slice of a CT in one write."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Reader:
    """One pack open for reading; the file is closed when the last user has let go."""

    def __init__(self, path: Path, keys: KeyRing) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        header = packs.decode_header(os.pread(self.fd, packs.HEADER_BYTES, 0))
        self.code = PackCode(keys.pack_cipher(header.key, header.salt), header)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class PackWriter:
    """One growing pack. Not to be used by two requests at once."""

    def __init__(self, blobs: "Blobs") -> None:
        self._blobs = blobs
        header = PackHeader(packs.SEGMENT, blobs.keys.current_id, os.urandom(16), os.urandom(packs.SALT_BYTES))
        self.id = header.pack.hex()
        self._code = PackCode(blobs.keys.pack_cipher(header.key, header.salt), header)
        path = blobs.path_of(self.id)
        fresh = not path.parent.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        # A cancelled request lets go of the pack while one of its threads may still be writing.
        self._lock = threading.Lock()
        self._closed = False
        # Written over by every film: fresh memory for each costs more than the encryption.
        self._room = memoryview(bytearray(_ROOM_SEGMENTS * (packs.SEGMENT + TAG_BYTES)))
        self._unsynced_folders = [path.parent, *([path.parent.parent] if fresh else [])]
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.size = 0
        self._write([header.encode()])

    def append(self, film: bytes | memoryview, name: str, label: bytes) -> BlobRef:
        """Write one film; blocks. It is safe only after `sync`.

        Args:
            film: The original bytes.
            name: Institution and SOP Instance UID.
            label: What a person who lost the index needs to know of the film; encrypted.

        Raises:
            StorageFull: No room.
            Unavailable: The disk failed.
        """
        view = memoryview(film)
        with self._lock, self._blobs.watch():
            self._refuse_if_closed()
            record = self._code.record(label, self.size)
            place = self.size + len(record)
            self._write([record])
            for sealed in self._code.segments(view, place, name, self._room):
                self._write([sealed])
        return BlobRef(self.id, place, len(view), name)

    def sync(self) -> None:
        """Make everything appended so far survive a power cut; blocks.

        Raises:
            Unavailable: The disk failed; nothing may be acknowledged.
        """
        with self._lock, self._blobs.watch():
            self._refuse_if_closed()
            os.fdatasync(self._fd)
            while self._unsynced_folders:
                _sync_folder(self._unsynced_folders[-1])
                self._unsynced_folders.pop()

    def close(self) -> None:
        """Let go of the pack; nothing is written to it any more."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._fd)

    def _refuse_if_closed(self) -> None:
        self._blobs.refuse_if_broken()
        if self._closed:
            raise Unavailable("The server is shutting down.")

    def _write(self, chunks: Sequence[bytes | memoryview]) -> None:
        left = [memoryview(chunk) for chunk in chunks]
        while left:
            done = os.writev(self._fd, left)
            self.size += done
            while left and done >= len(left[0]):
                done -= len(left.pop(0))
            if left:
                left[0] = left[0][done:]


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
        folder: Where the packs lie.
        threads: Reads run here, off the event loop.
        pack_bytes: A pack over this size is not taken up again.
    """

    def __init__(self, folder: Path, keys: KeyRing, threads: ThreadPoolExecutor, pack_bytes: int) -> None:
        self.folder = folder
        self.keys = keys
        self._threads = threads
        self._pack_bytes = pack_bytes
        self._shelf: list[PackWriter] = []
        self._lock = threading.Lock()
        self._readers: OrderedDict[str, _Reader] = OrderedDict()
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
        with self.watch():
            return PackWriter(self)

    def shelve(self, pack: PackWriter) -> None:
        """Give a synced pack back."""
        with self._lock:
            if pack.size < self._pack_bytes and len(self._shelf) < 4 and not self._broken:
                self._shelf.append(pack)
                return
        pack.close()

    def abandon(self, pack: PackWriter) -> None:
        """Give back a pack whose last bytes are not to be trusted: it is never appended to again."""
        pack.close()

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
        """The file of a pack; `pack` is its id in hex."""
        return self.folder / pack[:2] / f"{pack}.pack"

    def read_now(self, ref: BlobRef, start: int = 0, length: int | None = None) -> bytes:
        """Read a stretch of a film; blocks.

        Args:
            ref: Where the film lies.
            start: First byte, within the film.
            length: Bytes wanted; None is to the end.

        Raises:
            Unavailable: The pack is missing or was changed.
        """
        wanted = ref.length - start if length is None else min(length, ref.length - start)
        if wanted <= 0:
            return b""
        reader = self._reader(ref.pack)
        size = reader.code.header.segment
        first, begin, count, drop = packs.span(start, wanted, ref.length, size)
        data = os.pread(reader.fd, count, ref.offset + begin)
        if len(data) != count:
            raise Unavailable("A stored film is damaged on the server's disk.")
        parts = reader.code.open_segments(memoryview(data), first, ref.offset, ref.length, ref.name)
        if drop:
            parts[0] = parts[0][drop:]
        joined = b"".join(parts) if len(parts) > 1 else parts[0]
        return joined if len(joined) == wanted else joined[:wanted]

    async def read(self, ref: BlobRef, start: int = 0, length: int | None = None) -> bytes:
        """Read a stretch of a film; see `read_now`."""
        return await self.run(self.read_now, ref, start, length)

    async def stream(self, ref: BlobRef, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Read a stretch of a film in pieces of at most 1 MiB."""
        end = ref.length if length is None else min(ref.length, start + length)
        while start < end:
            stop = min(end, (start // _STREAM_BYTES + 1) * _STREAM_BYTES)
            yield await self.run(self.read_now, ref, start, stop - start)
            start = stop

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in the archive's threads."""
        return await get_running_loop().run_in_executor(self._threads, lambda: call(*args, **kwargs))

    def _reader(self, pack: str) -> _Reader:
        with self._lock:
            reader = self._readers.get(pack)
            if reader is not None:
                self._readers.move_to_end(pack)
                return reader
        try:
            reader = _Reader(self.path_of(pack), self.keys)
        except OSError as error:
            raise Unavailable("A stored film is missing on the server's disk.") from error
        with self._lock:
            self._readers[pack] = reader
            while len(self._readers) > _OPEN_PACKS:
                self._readers.popitem(last=False)
        return reader

    # ------------------------------------------------------------ starting and ending

    def prepare(self) -> None:
        """Make the folder; blocks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(self.folder.parent)

    def loose_packs(self, sealed: Iterable[str]) -> list[str]:
        """Packs on disk that are not known to be complete."""
        known = set(sealed)
        return [path.stem for path in self.folder.glob("??/*.pack") if path.stem not in known]

    def cut(self, pack: str, end: int) -> bool:
        """Cut off what a killed process wrote after the last indexed film; an empty pack goes altogether.

        Args:
            pack: Id of the pack.
            end: Where the last indexed film ends, 0 if there is none.

        Returns:
            False when another process is writing the pack: it is left alone.
        """
        path = self.path_of(pack)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if end == 0:
                path.unlink()
            elif os.fstat(fd).st_size > end:
                os.ftruncate(fd, end)
                os.fsync(fd)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close every pack."""
        with self._lock:
            for pack in self._shelf:
                pack.close()
            self._shelf.clear()
            self._readers.clear()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
