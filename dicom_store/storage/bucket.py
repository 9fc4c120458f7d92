"""Where packs lie in an S3-compatible object storage: each written here, put there whole, then acknowledged.

A pack is encrypted before it leaves, so the storage sees ciphertext only. A put object never grows: every commit makes
one of its own. Access keys come from the storage library's usual variables and files (`AWS_ACCESS_KEY_ID` and so on).
"""

import fcntl
import logging
import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from dicom_store.errors import Unavailable
from dicom_store.storage.disk import Disk

LOGGER = logging.getLogger(__name__)
# Whatever else lies in the bucket is not ours.
_NAME = re.compile(r"[0-9a-f]{2}/([0-9a-f]{32})\.pack")
_OPTIONS = {"endpoint", "region", "path_style"}


class Bucket:
    """Packs in a bucket.

    Args:
        url: `s3://bucket/prefix?endpoint=https://host:port&region=…&path_style=yes`; only the bucket is needed.
        outgoing: Where packs are written before they leave.

    Raises:
        ValueError: The address is not one.
    """

    appends = False

    def __init__(self, url: str, outgoing: Path, reserve_bytes: int = 0) -> None:
        self._store, self._prefix = _store(url)
        self._outgoing = Disk(outgoing, reserve_bytes)

    def prepare(self) -> None:
        """Make the folder, and clear it of what a killed process left: that was never acknowledged. Blocks."""
        self._outgoing.prepare()
        for pack in self._outgoing.loose([]):
            _remove_if_left(self.path_of(pack))

    def path_of(self, pack: str) -> Path:
        """The file that a pack is written to; `pack` is its id in hex."""
        return self._outgoing.path_of(pack)

    def refuse_if_full(self, more_bytes: int) -> None:
        """Raise StorageFull when there is no room to write packs before they leave; blocks."""
        self._outgoing.refuse_if_full(more_bytes)

    def finish(self, pack: str) -> None:
        """Put a pack there and see that all of it is there; blocks.

        Raises:
            Unavailable: It is not safe: nothing of it may be acknowledged.
        """
        path = self.path_of(pack)
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                obstore.put(self._store, self._key(pack), file)
            if self.size(pack) != size:
                raise Unavailable("The films' storage did not take everything.")
        except BaseError as error:
            raise _unreachable(error) from error
        finally:
            path.unlink(missing_ok=True)

    def read(self, pack: str, start: int, count: int) -> bytes:
        """Bytes of a pack, fewer at its end; blocks. Raises Unavailable."""
        if count <= 0:
            return b""
        try:
            return bytes(obstore.get_range(self._store, self._key(pack), start=start, length=count))
        except FileNotFoundError as error:
            raise Unavailable("A stored film is missing in the films' storage.") from error
        except BaseError as error:
            raise _unreachable(error) from error

    def read_cached(self, pack: str, start: int, count: int) -> bytearray | None:
        """None: nothing of a bucket is here."""
        return None

    def size(self, pack: str) -> int | None:
        """Bytes of a pack, None if there is none; blocks. Raises Unavailable."""
        try:
            return int(obstore.head(self._store, self._key(pack))["size"])
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _unreachable(error) from error

    def loose(self, sealed: Iterable[str]) -> list[str]:
        """None: a pack is there whole or not at all."""
        return []

    def cut(self, pack: str, end: int) -> bool:
        """Nothing to cut."""
        return False

    def idle(self, pack: str) -> bool:
        """Nobody writes a pack that was put."""
        return True

    def remove(self, pack: str) -> None:
        """Take a pack away for good; blocks. Raises Unavailable."""
        try:
            obstore.delete(self._store, self._key(pack))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise _unreachable(error) from error

    def listed(self, before: datetime) -> Iterator[tuple[str, int]]:
        """Packs that were put there before a time, with their sizes; blocks. Raises Unavailable."""
        try:
            for part in obstore.list(self._store, self._prefix or None):
                for found in part:
                    pack = _NAME.fullmatch(found["path"].removeprefix(self._prefix))
                    if pack is not None and found["last_modified"] < before:
                        yield pack[1], int(found["size"])
        except BaseError as error:
            raise _unreachable(error) from error

    def close(self) -> None:
        """Nothing is open."""

    def _key(self, pack: str) -> str:
        return f"{self._prefix}{pack[:2]}/{pack}.pack"


def _store(url: str) -> tuple[S3Store, str]:
    parts = urlsplit(url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "s3" or not parts.netloc or given.keys() - _OPTIONS or parts.fragment:
        raise ValueError("Films can be kept at s3://bucket/prefix?endpoint=…&region=…&path_style=yes and nowhere else.")
    options: dict[str, Any] = {"region": given.get("region", "us-east-1")}
    endpoint = given.get("endpoint", "")
    if endpoint:
        options["endpoint"] = endpoint
        options["virtual_hosted_style_request"] = given.get("path_style", "yes") == "no"
    store = S3Store(
        parts.netloc,
        **options,
        client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": "5s", "timeout": "120s"},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
    )
    prefix = parts.path.strip("/")
    return store, f"{prefix}/" if prefix else ""


def _unreachable(error: Exception) -> Unavailable:
    LOGGER.warning("the films' storage failed: %s", type(error).__name__)
    return Unavailable("The films' storage cannot be reached. Please try again later.")


def _remove_if_left(path: Path) -> None:
    """Remove a file that no process writes."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(fd)
