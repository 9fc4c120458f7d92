"""Answers of which a caller may ask a stretch, as players of sound and film do.

Source: RFC 9110 chapter 14. A range that cannot be read, and several at once, are answered with the whole.
"""

from collections.abc import AsyncIterator, Callable

from aiohttp import web

Reader = Callable[[int, int], AsyncIterator[bytes]]
"""First byte, length -> those bytes in pieces."""


async def send_stretch(request: web.Request, media: str, etag: str, size: int, read: Reader) -> web.StreamResponse:
    """Send a body that no cache keeps, or the stretch of it that is asked for.

    Args:
        request: What is answered.
        media: Content type.
        etag: Of the body; an If-Range that names another one asks for the whole.
        size: Bytes of the body.
        read: Reads a stretch of it.
    """
    headers = {"Content-Type": media, "Cache-Control": "private, no-store", "ETag": etag, "Accept-Ranges": "bytes"}
    stretch = stretch_of(request, etag, size)
    if stretch is None:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    answer = web.StreamResponse(status=200 if len(stretch) == size else 206, headers=headers)
    if answer.status == 206:
        answer.headers["Content-Range"] = f"bytes {stretch.start}-{stretch.stop - 1}/{size}"
    answer.content_length = len(stretch)
    await answer.prepare(request)
    if request.method != "HEAD":
        async for piece in read(stretch.start, len(stretch)):
            await answer.write(piece)
    await answer.write_eof()
    return answer


def stretch_of(request: web.BaseRequest, etag: str, size: int) -> range | None:
    """Which bytes are asked for.

    Returns:
        None: Some that are not there.
    """
    if request.headers.get("If-Range", etag) != etag:
        return range(size)
    try:
        asked = request.http_range
    except ValueError:
        return range(size)
    stretch = range(size)[asked]
    return stretch if stretch or not size else None
