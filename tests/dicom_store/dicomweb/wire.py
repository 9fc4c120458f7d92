"""Says STOW-RS and reads multipart answers in tests, by other code than the archive's own."""

from __future__ import annotations

import io
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any


async def post(client: Any, parts: list[bytes], path: str = "/dicomweb/studies", **kwargs: Any) -> Any:
    """Store films by multipart/related."""
    body = b"".join(b"--frontier\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
    headers = {
        "Content-Type": 'multipart/related; type="application/dicom"; boundary=frontier',
        **kwargs.pop("headers", {}),
    }
    return await client.post(path, data=io.BytesIO(body + b"--frontier--\r\n"), headers=headers)


async def parts_of(answer: Any) -> list[tuple[str, bytes]]:
    """Content type and bytes of each part of a multipart answer."""
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + await answer.read())
    boundary = message.get_boundary()
    assert boundary is not None
    pieces = (await answer.read()).split(b"--" + boundary.encode())
    found = []
    for piece in pieces[1:-1]:
        part_head, _, data = piece.partition(b"\r\n\r\n")
        kind = next(line for line in part_head.split(b"\r\n") if line.lower().startswith(b"content-type:"))
        found.append((kind.split(b":", 1)[1].strip().decode(), data[:-2]))
    return found
