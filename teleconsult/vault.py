"""Field encryption: what of a patient must not be readable in a stolen database file.

AES-256-GCM with a key id in front and the row as additional data, so that a value cannot be moved to another row.
Exact search goes by a keyed HMAC. Keys never enter the database; old keys stay readable after a rotation.
"""

import hmac
import os
from collections.abc import Mapping
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12  # NIST SP 800-38D 5.2.1.1


class Unreadable(Exception):
    """A sealed value was changed, moved to another row, or its key is missing. A bug or an attack, never input."""


class Vault:
    """Seals and opens fields with keys derived from the site's secret.

    Args:
        secrets: Key id (0-255) -> at least 32 secret bytes.
        current: The id that new values are sealed with.
    """

    def __init__(self, secrets: Mapping[int, bytes], current: int) -> None:
        self._secrets = dict(secrets)
        self._current = current
        self._sealers = {number: AESGCM(self._derive(number, "fields")) for number in secrets}
        self._search_key = self._derive(min(secrets), "search")

    def subkey(self, purpose: str) -> bytes:
        """Derive 32 bytes for another use (sessions, archive, tickets); stable for one secret and purpose."""
        return self._derive(min(self._secrets), purpose)

    def seal(self, text: str, row: str) -> bytes:
        """Encrypt a field.

        Args:
            text: What to hide.
            row: Table, id and column, as one text; must be given again to open.
        """
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._sealers[self._current].encrypt(nonce, text.encode(), row.encode())
        return bytes([self._current]) + nonce + sealed

    def open(self, sealed: bytes, row: str) -> str:
        """Decrypt a field.

        Raises:
            Unreadable: Changed, moved, or the key is missing.
        """
        try:
            sealer = self._sealers[sealed[0]]
            return sealer.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], row.encode()).decode()
        except (InvalidTag, LookupError, ValueError) as error:  # ValueError: too short for a nonce
            raise Unreadable(row.split("/")[0]) from error

    def fingerprint(self, text: str, purpose: str) -> bytes:
        """A keyed hash for exact search: 16 bytes, equal for equal texts of one purpose."""
        return hmac.digest(self._search_key, f"{purpose}\0{text}".encode(), sha256)[:16]

    def _derive(self, number: int, purpose: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"teleconsult/{purpose}".encode()).derive(self._secrets[number])
