"""One growing pack: films are encrypted into it and synced. It belongs to one request at a time."""

import fcntl
import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from dicom_store.errors import Unavailable
from dicom_store.model import BlobRef
from dicom_store.storage import packs
from dicom_store.storage.disk import begin_writing, sync_folder
from dicom_store.storage.keys import TAG_BYTES, KeyRing
from dicom_store.storage.packs import PackCode, PackHeader

_ROOM_SEGMENTS = 5
"""A slice of a CT in one write."""


class Ground(Protocol):
    """What a pack stands on: `storage.blobs.Blobs`."""

    @property
    def keys(self) -> KeyRing:
        """Packs are written under the current one."""

    def path_of(self, pack: str) -> Path:
        """The file that a pack is written to."""

    def refuse_if_broken(self) -> None:
        """Raise Unavailable when the disk failed before."""

    def refuse_if_full(self, more_bytes: int) -> None:
        """Raise StorageFull when this many bytes more are too many."""

    def watch(self) -> AbstractContextManager[None]:
        """A context in which errors of the disk become the archive's."""

    def finish(self, pack: str) -> None:
        """A pack's file is synced; it is safe when this returns."""


class PackWriter:
    """One growing pack. Not to be used by two requests at once."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        header = PackHeader(packs.SEGMENT, ground.keys.current_id, os.urandom(16), os.urandom(packs.SALT_BYTES))
        self.id = header.pack.hex()
        self._code = PackCode(ground.keys.pack_cipher(header.key, header.salt), header)
        path = ground.path_of(self.id)
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
        self.size = self._hurried = 0
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
        with self._lock, self._ground.watch():
            self._refuse_if_closed()
            self._ground.refuse_if_full(len(view))
            record = self._code.record(label, self.size)
            place = self.size + len(record)
            head = [record]
            for sealed in self._code.segments(view, place, name, self._room):
                self._write([*head, sealed])
                head = []
        return BlobRef(self.id, place, len(view), name)

    def hurry(self) -> None:
        """Let the disk begin with what was appended; does not wait. It makes nothing safe, but `sync` sooner done."""
        with self._lock:
            if not self._closed:
                begin_writing(self._fd, self._hurried, self.size - self._hurried)
                self._hurried = self.size

    def sync(self) -> None:
        """Make everything appended so far survive a power cut; blocks.

        Raises:
            Unavailable: The disk failed; nothing may be acknowledged.
        """
        with self._lock, self._ground.watch():
            self._refuse_if_closed()
            os.fdatasync(self._fd)
            while self._unsynced_folders:
                sync_folder(self._unsynced_folders[-1])
                self._unsynced_folders.pop()
            self._ground.finish(self.id)

    def close(self) -> None:
        """Let go of the pack; nothing is written to it any more."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._fd)

    def _refuse_if_closed(self) -> None:
        self._ground.refuse_if_broken()
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
