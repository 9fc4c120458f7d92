"""STOW-RS of metadata and bulk data: parts come in, films that never existed as files go to `ingest`.

Addresses of bulk data are only names here: they are looked up among the parts of the request and never fetched.

Source: DICOM PS3.18 8.6.1.2, 10.5.1.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from dicom_store import nativexml
from dicom_store.dicomweb import media
from dicom_store.dicomweb.answers import DICOM_JSON, DICOM_XML
from dicom_store.dicomweb.multipart import MediaType, media_type
from dicom_store.errors import FilmRefused, RequestRefused
from dicom_store.wrapdataset import EXPLICIT_LITTLE, MAX_DEPTH, PIXEL_DATA, DataSet, film_of, refuse, text_of

METADATA = {DICOM_JSON, DICOM_XML}
MAX_METADATA_BYTES = 8 << 20
MAX_FILM_BYTES = 256 << 20
_ENCAPSULATED_DOCUMENT = "00420011"


@dataclass(frozen=True, slots=True)
class _Bulk:
    kind: MediaType
    start: int
    length: int


class Composition:
    """The parts of one request. `begin`, `take` and `end` each part; then `films`; `close` at last.

    Args:
        folder: Bulk data that do not fit into memory wait there, in a file without a name.
        memory_bytes: How much of them is held in memory.
        base: Address of the request, against which relative addresses are read.
    """

    def __init__(self, folder: Path, memory_bytes: int, base: str) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=memory_bytes, dir=str(folder))  # noqa: SIM115
        self._base = base
        self._metadata: list[tuple[str, bytearray]] = []
        self._metadata_bytes = 0
        self._bulk: dict[str, list[_Bulk]] = {}
        self._kind = MediaType("")
        self._location = ""
        self._start = 0

    def begin(self, headers: dict[str, str]) -> None:
        """A part begins."""
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestRefused("Compressed parts are not taken.", status=415, code="part_type")
        self._kind = media_type(headers.get("content-type", ""))
        self._location = headers.get("content-location", "")
        self._start = self._spool.tell()
        if self._kind.name in METADATA:
            self._metadata.append((self._kind.name, bytearray()))

    def take(self, data: bytes | memoryview) -> None:
        """Bytes of the current part. Blocks while they go to the disk."""
        if self._kind.name not in METADATA:
            self._spool.write(data)
            return
        self._metadata_bytes += len(data)
        if self._metadata_bytes > MAX_METADATA_BYTES:
            raise RequestRefused("The metadata are too large.", status=413, code="too_large")
        self._metadata[-1][1].extend(data)

    def end(self) -> None:
        """The current part is whole."""
        if self._kind.name in METADATA:
            return
        bulk = _Bulk(self._kind, self._start, self._spool.tell() - self._start)
        self._bulk.setdefault(urljoin(self._base, self._location), []).append(bulk)

    def close(self) -> None:
        """Let go of everything."""
        self._spool.close()

    def films(self) -> Iterator[bytes | FilmRefused]:
        """Compose the films, one after the other; blocks.

        Yields:
            The bytes of each, or why it cannot be made.
        """
        for kind, text in self._metadata:
            try:
                data_sets = _read(kind, bytes(text))
            except FilmRefused as refused:
                yield refused
                continue
            for data_set in data_sets:
                try:
                    yield self._film(data_set)
                except FilmRefused as refused:
                    yield refused.about(text_of(data_set, "00080016")[:64], text_of(data_set, "00080018")[:64])

    def _film(self, data_set: DataSet) -> bytes:
        wanted = {uri: self._bulk.get(urljoin(self._base, uri)) for uri in _addresses(data_set, 0)}
        pixels = data_set.get(PIXEL_DATA, {})
        pixel_uri = pixels.get("BulkDataURI") if isinstance(pixels, dict) else None
        sent = wanted.get(pixel_uri) if isinstance(pixel_uri, str) else None
        if sum(part.length for parts in wanted.values() for part in parts or ()) > MAX_FILM_BYTES:
            raise FilmRefused("This film is too large.", failure_reason=0xA700, code="too_large")
        bulk = {uri: b"".join(map(self._bytes, parts)) for uri, parts in wanted.items() if parts and parts is not sent}
        if sent is None or not isinstance(pixel_uri, str):
            _document(data_set, bulk)
            return film_of(data_set, EXPLICIT_LITTLE, bulk)
        frames = [self._bytes(part) for part in sent]
        said = sent[0].kind.parameters.get("transfer-syntax") or text_of(data_set, "00020010")
        syntax = media.syntax_of(sent[0].kind.name, said or text_of(data_set, "00083002"), frames[0])
        if syntax is None:
            return film_of(data_set, EXPLICIT_LITTLE, {**bulk, pixel_uri: b"".join(frames)})
        media.complete(data_set, syntax, frames)
        return film_of(data_set, syntax, bulk, frames)

    def _bytes(self, part: _Bulk) -> bytes:
        self._spool.seek(part.start)
        return self._spool.read(part.length)


def _read(kind: str, text: bytes) -> list[DataSet]:
    """The data sets of one part of metadata. Raises FilmRefused."""
    if kind == DICOM_XML:
        return [nativexml.from_xml(text)]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refuse() from error
    data_sets = found if isinstance(found, list) else [found]
    if not data_sets or not all(isinstance(one, dict) for one in data_sets):
        raise refuse()
    return data_sets


def _addresses(data_set: Any, depth: int) -> Iterator[str]:
    """Every BulkDataURI within a data set."""
    if depth > MAX_DEPTH or not isinstance(data_set, dict):
        raise refuse()
    for word, attribute in data_set.items():
        if not isinstance(attribute, dict):
            raise refuse(word)
        uri = attribute.get("BulkDataURI")
        if isinstance(uri, str):
            yield uri
        elif uri is not None:
            raise refuse(word)
        values = attribute.get("Value") if attribute.get("vr") == "SQ" else None
        for item in values if isinstance(values, list) else ():
            yield from _addresses(item, depth + 1)


def _document(data_set: DataSet, bulk: dict[str, bytes]) -> None:
    """Say how long an encapsulated document is, where the metadata leave it out: its value may be padded."""
    attribute = data_set.get(_ENCAPSULATED_DOCUMENT)
    uri = attribute.get("BulkDataURI") if isinstance(attribute, dict) else None
    if isinstance(uri, str) and uri in bulk and "00420015" not in data_set:
        data_set["00420015"] = {"vr": "UL", "Value": [len(bulk[uri])]}
