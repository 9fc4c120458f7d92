"""What a film's bytes are known by: a hash of 32 bytes that no two films share.

A film that comes twice is recognised by it, ETags and caches name a film by it, and the compactor compares it before it
moves one. Against changes on the disk stands the encryption, not this.

Source: BLAKE3, https://github.com/BLAKE3-team/BLAKE3-specs; why not SHA-256: `docs/decisions/0074`.
"""

import hashlib

from blake3 import blake3

from dicom_store.elements import Buffer


def fingerprint(film: Buffer) -> bytes:
    """Of a whole film; lets other threads run meanwhile."""
    return blake3(film).digest()


def is_of(film: Buffer, digest: bytes) -> bool:
    """Whether these are the bytes that a digest in the index was made of."""
    return fingerprint(film) == digest or is_of_old(film, digest)


def is_of_old(film: Buffer, digest: bytes) -> bool:
    """The same for films that were indexed before BLAKE3: they are known by their SHA-256."""
    return hashlib.sha256(film).digest() == digest
