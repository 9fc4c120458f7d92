"""The archive's settings: handed in by whoever embeds it. Nothing here reads the environment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """How one archive runs.

    Attributes:
        data_dir: Packs, spool and (by default) the index live below it.
        key: Master key, 32 bytes. Keys of packs are derived from it.
        clock: Says the time, aware UTC.
        old_keys: Master keys of the past: packs written under them stay readable.
        database_url: SQLAlchemy URL of the index; None is SQLite in `data_dir`.
        public_url: The archive's address as its callers see it, without a trailing slash; "" takes it from the request.
        blob_url: Where packs go, like `s3://bucket/prefix?endpoint=https://host`; None is `data_dir`.
        max_film_bytes: Largest single film.
        max_request_bytes: Largest STOW-RS request.
        max_parts: Most films in one STOW-RS request.
        spool_above_bytes: Films above it are held on disk, not in memory, while they arrive.
        pack_bytes: A pack that has grown over this is closed and a new one begun.
        reserve_bytes: Room on the disk that films never take: they are refused before it is full.
        reader_connections: Connections to the index for reading.
        workers: Child processes that decode pictures and read what may be hostile.
        warm_workers: Start them with the server; otherwise with the first picture, sparing their memory till then.
        threads: Threads that hash, encrypt and read.
        max_concurrent_stores: Requests that may write films at the same time; the others wait.
    """

    data_dir: Path
    key: bytes
    clock: Callable[[], datetime]
    old_keys: tuple[bytes, ...] = ()
    database_url: str | None = None
    public_url: str = ""
    blob_url: str | None = None
    max_film_bytes: int = 4096 * MIB
    max_request_bytes: int = 64 * 1024 * MIB
    max_parts: int = 20_000
    spool_above_bytes: int = 32 * MIB
    pack_bytes: int = 256 * MIB
    reserve_bytes: int = 256 * MIB
    reader_connections: int = 4
    workers: int = 2
    warm_workers: bool = True
    threads: int = 4
    max_concurrent_stores: int = 16

    def __post_init__(self) -> None:
        """Refuse a key of the wrong length before anything is written with it."""
        if any(len(key) != 32 for key in (self.key, *self.old_keys)):
            raise ValueError("An archive key has 32 bytes.")

    @property
    def index_url(self) -> str:
        """SQLAlchemy URL of the index."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'archive.db'}"
