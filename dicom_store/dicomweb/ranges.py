"""Answers of which a caller may ask a stretch: films, videos, documents, bulk data.

Source: RFC 9110 chapter 14, DICOM PS3.18 8.3.2.
"""

from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web

from dicom_store.errors import RequestRefused

Reader = Callable[[int, int], AsyncIterator[bytes]]
"""First byte, length -> those bytes in pieces."""


async def send_stretch(
    request: web.Request, headers: Mapping[str, str], etag: str, total: int, read: Reader
) -> web.StreamResponse:
    """Send a body, or the stretch of it that the Range header asks for.

    Args:
        request: What is answered.
        headers: With the Content-Type.
        etag: Of the body; an If-Range that names another one asks for the whole.
        total: The body's length in bytes.
        read: Reads a stretch of the body.

    Raises:
        RequestRefused: The stretch lies outside.
    """
    start, length = stretch_of(request, total, etag)
    partial = length != total
    answer = web.StreamResponse(status=206 if partial else 200, headers=headers)
    answer.headers["ETag"] = etag
    answer.headers["Accept-Ranges"] = "bytes"
    if partial:
        answer.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{total}"
    answer.content_length = length
    await answer.prepare(request)
    if request.method != "HEAD":
        async for piece in read(start, length):
            await answer.write(piece)
    await answer.write_eof()
    return answer


def in_memory(body: bytes) -> Reader:
    """A reader of bytes that are there already."""

    async def read(start: int, length: int) -> AsyncIterator[bytes]:
        yield body[start : start + length]

    return read


def stretch_of(request: web.Request, total: int, etag: str) -> tuple[int, int]:
    """First byte and length that a Range header asks for; the whole where it asks for none or for several.

    Raises:
        RequestRefused: Outside of the body.
    """
    header = request.headers.get("Range", "")
    if not header.startswith("bytes=") or "," in header:
        return 0, total
    condition = request.headers.get("If-Range")
    if condition is not None and condition != etag:
        return 0, total
    low, dash, high = header.removeprefix("bytes=").strip().partition("-")
    digits = low + high
    if not dash or not (digits.isascii() and digits.isdigit()) or len(low) > 18 or len(high) > 18:
        return 0, total
    start = int(low) if low else max(0, total - int(high))
    end = min(total - 1, int(high)) if low and high else total - 1
    if start > end:
        raise RequestRefused("The range asked for is outside of the film.", status=416, code="bad_range")
    return start, end - start + 1
