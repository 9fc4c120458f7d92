"""What kind of file arrived, from its first bytes; names and claimed media types are not believed. Pure."""

from enum import StrEnum

HEAD_BYTES = 4096
"""As much as `kind_of` wants to see."""


class FileKind(StrEnum):
    """Kinds of files that are told apart."""

    FILM = "film"
    ZIP = "zip"
    JPEG = "jpeg"
    PNG = "png"
    PDF = "pdf"
    VIDEO = "video"
    HEIC = "heic"
    OTHER_ARCHIVE = "other_archive"
    UNKNOWN = "unknown"


_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif")
_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


def kind_of(head: bytes) -> FileKind:
    """Tell a file's kind.

    Args:
        head: Its first bytes, `HEAD_BYTES` of them if there are as many.

    Returns:
        `UNKNOWN` may still be a film without a preamble: only reading it tells.
    """
    # First, since a preamble may look like anything: 128 bytes are free for other programs.
    if head[128:132] == b"DICM":
        return FileKind.FILM
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return FileKind.ZIP
    if head[:3] == b"\xff\xd8\xff":
        return FileKind.JPEG
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return FileKind.PNG
    if head[:5] == b"%PDF-":
        return FileKind.PDF
    if head[4:8] == b"ftyp":
        return FileKind.HEIC if head[8:12] in _HEIC_BRANDS else FileKind.VIDEO
    if head.startswith(_ARCHIVES):
        return FileKind.OTHER_ARCHIVE
    return FileKind.UNKNOWN
