"""What DICOMweb answers have in common: addresses, headers that defuse, what an Accept header admits, multipart out."""

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from dicom_store.archive import Archive
from dicom_store.dicomweb.multipart import MediaType, body_end, media_type, part_head
from dicom_store.errors import RequestRefused
from dicom_store.model import InstanceRecord, InstanceUID, SeriesUID, StudyUID, instance_uid, series_uid, study_uid

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
OCTETS = "application/octet-stream"
MULTIPART = "multipart/related"

# A film's first 128 bytes may be a program or a page: no browser is to believe them (CVE-2019-11687).
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Authorization, Cookie",
}
ATTACHED = {**SAFE, "Content-Disposition": "attachment"}

# Which media type encoded frames have. Source: DICOM PS3.18 8.7.3.3.2.
_FRAME_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    "1.2.840.10008.1.2.4.50": "image/jpeg",
    "1.2.840.10008.1.2.4.51": "image/jpeg",
    "1.2.840.10008.1.2.4.53": "image/jpeg",
    "1.2.840.10008.1.2.4.55": "image/jpeg",
    "1.2.840.10008.1.2.4.57": "image/jpeg",
    "1.2.840.10008.1.2.4.70": "image/jpeg",
    "1.2.840.10008.1.2.4.80": "image/jls",
    "1.2.840.10008.1.2.4.81": "image/jls",
    "1.2.840.10008.1.2.4.90": "image/jp2",
    "1.2.840.10008.1.2.4.91": "image/jp2",
    "1.2.840.10008.1.2.4.92": "image/jpx",
    "1.2.840.10008.1.2.4.93": "image/jpx",
    "1.2.840.10008.1.2.4.201": "image/jphc",
    "1.2.840.10008.1.2.4.202": "image/jphc",
    "1.2.840.10008.1.2.4.203": "image/jphc",
    "1.2.840.10008.1.2.4.100": "video/mpeg",
    "1.2.840.10008.1.2.4.101": "video/mpeg",
    "1.2.840.10008.1.2.4.102": "video/mp4",
    "1.2.840.10008.1.2.4.103": "video/mp4",
    "1.2.840.10008.1.2.4.104": "video/mp4",
    "1.2.840.10008.1.2.4.105": "video/mp4",
    "1.2.840.10008.1.2.4.106": "video/mp4",
}
_HOST = re.compile(r"[0-9A-Za-z._\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_JOINED_BYTES = 2 << 20
_NATIVE_SYNTAX = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Address:
    """What the path of a request names; parts that it does not name are None."""

    study: StudyUID | None
    series: SeriesUID | None
    instance: InstanceUID | None


def address_of(request: web.Request) -> Address:
    """Read and check the UIDs of a request's path. Raises Refused."""
    found = request.match_info
    return Address(
        study_uid(found["study"]) if "study" in found else None,
        series_uid(found["series"]) if "series" in found else None,
        instance_uid(found["instance"]) if "instance" in found else None,
    )


def base_url(request: web.Request, archive: Archive) -> str:
    """The address that RetrieveURL and BulkDataURI begin with, ending in /dicomweb."""
    if archive.settings.public_url:
        return archive.settings.public_url + "/dicomweb"
    # The Host header is the caller's word and ends up within JSON.
    host = request.host if _HOST.fullmatch(request.host) else "localhost"
    here = request.transport.get_extra_info("sockname") if request.transport is not None and ":" not in host else None
    if here and host in {here[0], "localhost"} and here[1] != 80:
        # dicomweb-client leaves the port out of its Host header; who names our own address has come directly.
        host = f"{host}:{here[1]}"
    return f"{request.scheme}://{host}/dicomweb"


def film_url(base: str, study: StudyUID, series: SeriesUID, instance: InstanceUID) -> str:
    """The address of one film."""
    return f"{base}/studies/{study}/series/{series}/instances/{instance}"


def accepted(request: web.Request) -> Sequence[MediaType]:
    """What the caller takes, best first; empty means anything.

    The query parameter `accept` comes before the header. Source: DICOM PS3.18 8.3.3.1.
    """
    return _kinds(request.query.get("accept") or ", ".join(request.headers.getall("Accept", [])))


@lru_cache(maxsize=128)
def _kinds(text: str) -> Sequence[MediaType]:
    """An Accept header understood; a viewer sends the same one with every request."""
    kinds = [media_type(member) for member in _members(text[:4096])]
    return tuple(sorted((kind for kind in kinds if kind.name and kind.weight > 0), key=lambda kind: -kind.weight))


def _members(text: str) -> Iterable[str]:
    """Split at commas that are not within quotes."""
    member = ""
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == "," and not quoted:
            yield member
            member = ""
        else:
            member += character
    if member.strip():
        yield member


def not_acceptable(offer: str) -> RequestRefused:
    """The refusal of an Accept header that admits nothing we have."""
    return RequestRefused("This cannot be sent in a form that you accept. Available: {offer}.", status=406, offer=offer)


def frame_type(record: InstanceRecord) -> tuple[str, str]:
    """Media type and transfer syntax of a film's frames as they are stored."""
    if record.pixel_offset >= 0:
        return OCTETS, _NATIVE_SYNTAX
    return _FRAME_TYPES.get(record.transfer_syntax, OCTETS), record.transfer_syntax


def etag_of(hashes: Iterable[str], form: str = "") -> str:
    """An entity tag of some films in one form of answer; one film's is its hash."""
    found = list(hashes)
    if len(found) == 1 and not form:
        return f'"{found[0]}"'
    return '"' + hashlib.sha256("".join([form, *found]).encode()).hexdigest() + '"'


def unchanged(request: web.Request, etag: str) -> bool:
    """Whether the caller has this already."""
    wanted = request.headers.get("If-None-Match", "")
    return wanted == "*" or etag in [word.strip().removeprefix("W/") for word in wanted.split(",")]


def not_modified(etag: str) -> web.Response:
    """The answer to a caller who has it already."""
    return web.Response(status=304, headers={**SAFE, "ETag": etag})


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer, its length known before its bytes."""

    headers: dict[str, str]
    length: int
    data: AsyncIterator[bytes] | bytes


async def send_parts(
    request: web.Request, part_type: str, parts: Sequence[Part] | AsyncIterator[Part], headers: dict[str, str]
) -> web.StreamResponse:
    """Send a multipart/related answer: with its Content-Length where the parts are known, otherwise in chunks."""
    boundary = secrets.token_hex(16)
    content_type = {"Content-Type": f'{MULTIPART}; type="{part_type}"; boundary={boundary}'}
    if isinstance(parts, Sequence) and sum(part.length for part in parts) < _JOINED_BYTES:
        bodies = [part.data for part in parts if isinstance(part.data, bytes)]
        if len(bodies) == len(parts):  # one write costs less than many
            heads = [part_head(boundary, part.headers, first=not number) for number, part in enumerate(parts)]
            pieces = [piece for pair in zip(heads, bodies, strict=True) for piece in pair]
            return web.Response(body=b"".join((*pieces, body_end(boundary))), headers={**headers, **content_type})
    answer = web.StreamResponse(headers={**headers, **content_type})
    if isinstance(parts, Sequence):
        sizes = (len(part_head(boundary, part.headers, first=not number)) for number, part in enumerate(parts))
        answer.content_length = sum(sizes) + sum(part.length for part in parts) + len(body_end(boundary))
    await answer.prepare(request)
    if request.method != "HEAD":
        first = True
        async for part in _one_by_one(parts):
            await _send_part(answer, part_head(boundary, part.headers, first=first), part)
            first = False
        await answer.write(body_end(boundary))
    await answer.write_eof()
    return answer


async def _one_by_one(parts: Sequence[Part] | AsyncIterator[Part]) -> AsyncIterator[Part]:
    if isinstance(parts, Sequence):
        for part in parts:
            yield part
    else:
        async for part in parts:
            yield part


async def _send_part(answer: web.StreamResponse, head: bytes, part: Part) -> None:
    await answer.write(head)
    if isinstance(part.data, bytes):
        await answer.write(part.data)
        return
    async for piece in part.data:
        await answer.write(piece)
