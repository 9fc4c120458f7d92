"""Where packs lie on the local disk: opened, read, cut, removed; and how much room is kept free.

A pack that is being written is locked by its writer, so other processes leave it alone.
"""

import ctypes
import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from dicom_store.errors import StorageFull, Unavailable

_OPEN_PACKS = 64
_SYNC_FILE_RANGE_WRITE = 2  # linux/fs.h
_libc = ctypes.CDLL(None)


class _Open:
    """One pack open for reading; the file is closed when the last user has let go."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


class Disk:
    """A folder of packs.

    Args:
        reserve_bytes: Room that is never given to films: the database, uploads and a clean end need it.
    """

    appends = True
    """A finished pack may be taken up again."""

    def __init__(self, folder: Path, reserve_bytes: int = 0) -> None:
        self.folder = folder
        self._reserve = reserve_bytes
        self._lock = threading.Lock()
        self._readers: OrderedDict[str, _Open] = OrderedDict()

    def prepare(self) -> None:
        """Make the folder; blocks."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.folder.parent)

    def path_of(self, pack: str) -> Path:
        """The file of a pack; `pack` is its id in hex."""
        return self.folder / pack[:2] / f"{pack}.pack"

    def finish(self, pack: str) -> None:
        """A pack was synced: it is where it belongs already."""

    def refuse_if_full(self, more_bytes: int) -> None:
        """Raise StorageFull when this many bytes more would touch the reserve; blocks."""
        if not self._reserve:
            return
        found = os.statvfs(self.folder)
        if found.f_bavail * found.f_frsize < self._reserve + more_bytes:
            raise StorageFull("The server has no room for more films. Please tell its administrator.")

    # ------------------------------------------------------------ reading

    def read(self, pack: str, start: int, count: int) -> bytes:
        """Bytes of a pack, fewer at its end; blocks.

        Raises:
            Unavailable: It is missing.
        """
        reader = self._known(pack) or self._opened(pack)
        return os.pread(reader.fd, count, start)

    def read_cached(self, pack: str, start: int, count: int) -> bytearray | None:
        """Bytes of a pack that the kernel has in memory; None where the disk would have to be asked. Never blocks."""
        reader = self._known(pack)
        if reader is None:
            return None
        data = bytearray(count)
        try:
            got = os.preadv(reader.fd, [data], start, os.RWF_NOWAIT)
        except OSError:  # not in memory, or a file system that cannot tell
            return None
        return data if got == count else None

    def _known(self, pack: str) -> _Open | None:
        with self._lock:
            reader = self._readers.get(pack)
            if reader is not None:
                self._readers.move_to_end(pack)
        return reader

    def _opened(self, pack: str) -> _Open:
        try:
            reader = _Open(self.path_of(pack))
        except OSError as error:
            raise Unavailable("A stored film is missing on the server's disk.") from error
        with self._lock:
            self._readers[pack] = reader
            while len(self._readers) > _OPEN_PACKS:
                self._readers.popitem(last=False)
        return reader

    def size(self, pack: str) -> int | None:
        """Bytes of a pack, None if there is none; blocks."""
        try:
            return self.path_of(pack).stat().st_size
        except FileNotFoundError:
            return None

    def loose(self, sealed: Iterable[str]) -> list[str]:
        """Packs on disk that are not known to be complete; blocks."""
        known = set(sealed)
        return [path.stem for path in self.folder.glob("??/*.pack") if path.stem not in known]

    # ------------------------------------------------------------ cutting and removing

    def cut(self, pack: str, end: int) -> bool:
        """Cut off what a killed process wrote after the last indexed film; an empty pack goes altogether.

        Args:
            pack: Id of the pack.
            end: Where the last indexed film ends, 0 if there is none.

        Returns:
            False when another process is writing the pack, or it is gone: it is left alone.
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

    def idle(self, pack: str) -> bool:
        """Whether nobody is writing the pack; blocks."""
        try:
            fd = os.open(self.path_of(pack), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(fd)

    def remove(self, pack: str) -> None:
        """Take a pack away for good, with the room it took; blocks."""
        with self._lock:
            self._readers.pop(pack, None)
        path = self.path_of(pack)
        path.unlink(missing_ok=True)
        sync_folder(path.parent)

    def close(self) -> None:
        """Let go of what is open."""
        with self._lock:
            self._readers.clear()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; blocks."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def begin_writing(fd: int, start: int, count: int) -> None:
    """Let the kernel begin to write a stretch of a file to the disk, without waiting for it. A mere hint: never fails.

    Args:
        fd: Open for writing.
        start: First byte.
        count: Bytes.
    """
    _libc.sync_file_range(fd, ctypes.c_int64(start), ctypes.c_int64(count), _SYNC_FILE_RANGE_WRITE)
