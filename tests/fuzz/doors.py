"""Coverage-guided noise at the archive's parsers: `python -m tests.fuzz.doors films|parts|uploads [libFuzzer's words]`.

`make fuzz` runs each for a minute. What a parser may raise is a refusal; anything else stops the run and leaves the
input behind as `crash-…`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris  # type: ignore[import-not-found, unused-ignore]

with atheris.instrument_imports(include=["dicom_store"]):
    from dicom_store.description import describe
    from dicom_store.dicomweb.multipart import Scanner
    from dicom_store.errors import Refused
    from dicom_store.uploads.protocol import Limits, Progress, append, creation

from tests.builders import films

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_TUS = ("Content-Length", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum", "Content-Type")


def film(data: bytes) -> None:
    """A film is described or refused."""
    with contextlib.suppress(Refused):
        describe(data)


def parts(data: bytes) -> None:
    """A multipart body is taken apart or refused, however it is cut."""
    step, body = 1 + data[0] if data else 1, data[1:]
    scanner = Scanner(b"b", 100)
    with contextlib.suppress(Refused):
        for start in range(0, len(body), step):
            scanner.feed(body[start : start + step])
        scanner.finish()


def upload(data: bytes) -> None:
    """The headers of an upload are understood or refused."""
    texts = [text.decode("latin-1") for text in data.split(b"\n")]
    headers = {"Tus-Resumable": "1.0.0", **dict(zip(_TUS, texts, strict=False))}
    with contextlib.suppress(Refused):
        creation(headers, Limits(max_bytes=1000, max_open=3), 0)
    with contextlib.suppress(Refused):
        append(headers, Progress(5, 100, _NOW + timedelta(hours=1)), _NOW)


def seeds() -> dict[str, list[bytes]]:
    """What the noise starts from."""
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\nfilm\r\n--b\r\n\r\nother\r\n--b--"
    headers = (
        b"10\n100\n5\nfilename Zm9v,filetype YQ==\nsha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\napplication/offset+octet-stream"
    )
    return {"films": [films.film(2), films.film(2)[132:]], "parts": [bytes([7]) + body], "uploads": [headers]}


TARGETS: dict[str, Callable[[bytes], None]] = {"films": film, "parts": parts, "uploads": upload}


def main() -> None:
    """Run one target until libFuzzer ends it."""
    name = sys.argv.pop(1)
    with TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()[name]):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, "-timeout=10", "-rss_limit_mb=2048", "-max_len=20000", folder], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
