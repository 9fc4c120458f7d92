"""The archive's keys: one master key, from it a key for each pack and one for texts in the index. Pure.

Source: HKDF RFC 5869; AES-GCM NIST SP 800-38D.
"""

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dicom_store.errors import Unavailable

KEY_ID_BYTES = 8
TAG_BYTES = 16
NONCE_BYTES = 12


def _derive(master: bytes, salt: bytes, purpose: bytes, length: int = 32) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=purpose).derive(master)


def key_id(master: bytes) -> bytes:
    """A name of a master key that says nothing of it: 8 bytes."""
    return _derive(master, b"", b"dicom_store key id v1", KEY_ID_BYTES)


@dataclass(frozen=True)
class KeyRing:
    """The master key that new things are written under, and those that old things still need.

    Attributes:
        current: 32 bytes.
        old: 32 bytes each.
        current_id: Name of the key that new things are written under.
    """

    current: bytes
    old: tuple[bytes, ...] = ()
    _masters: dict[bytes, bytes] = field(init=False, default_factory=dict)
    _texts: dict[bytes, AESGCM] = field(init=False, default_factory=dict)
    current_id: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        """Derive the names of all keys once."""
        for master in (*self.old, self.current):
            name = key_id(master)
            self._masters[name] = master
            self._texts[name] = AESGCM(_derive(master, b"", b"dicom_store index text v1"))
        object.__setattr__(self, "current_id", key_id(self.current))

    def pack_cipher(self, name: bytes, salt: bytes) -> AESGCM:
        """The cipher of one pack.

        Args:
            name: The master key's id, from the pack's header.
            salt: From the pack's header.

        Raises:
            Unavailable: That master key is not here.
        """
        master = self._masters.get(name)
        if master is None:
            raise Unavailable("The key that these films were stored under is missing on the server.")
        return AESGCM(_derive(master, salt, b"dicom_store pack v1"))

    def seal(self, text: bytes, about: bytes) -> bytes:
        """Encrypt a text of the index, bound to what it is about."""
        name = self.current_id
        nonce = os.urandom(NONCE_BYTES)
        return name + nonce + self._texts[name].encrypt(nonce, text, about)

    def unseal(self, sealed: bytes, about: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            Unavailable: The key is missing, or the bytes have been changed.
        """
        cipher = self._texts.get(sealed[:KEY_ID_BYTES])
        if cipher is None:
            raise Unavailable("The key that these films were stored under is missing on the server.")
        start = KEY_ID_BYTES + NONCE_BYTES
        try:
            return cipher.decrypt(sealed[KEY_ID_BYTES:start], sealed[start:], about)
        except InvalidTag as error:
            raise Unavailable("A stored film is damaged on the server's disk.") from error
