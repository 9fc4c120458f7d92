"""Keyed hashes by which lab reports are found again without their texts being readable in the database.

Pure. One key for each master key of the archive: a new master key makes old rows findable still.

Source: HKDF RFC 5869; HMAC RFC 2104.
"""

import hmac
import unicodedata

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_IGNORED_IN_NAMES = str.maketrans("", "", " \u3000^·•.,-'")


class Hashes:
    """Hashes texts under the archive's keys.

    Args:
        current: The master key that new rows are hashed under, 32 bytes.
        old: Master keys of the past.
    """

    def __init__(self, current: bytes, old: tuple[bytes, ...] = ()) -> None:
        self._keys = [
            HKDF(algorithm=SHA256(), length=32, salt=b"", info=b"dicom_store lab search v1").derive(master)
            for master in (current, *old)
        ]

    def new(self, purpose: str, *texts: str | bytes) -> bytes:
        """The hash that a new row gets."""
        return self._under(self._keys[0], purpose, texts)

    def all(self, purpose: str, *texts: str | bytes) -> list[bytes]:
        """The hashes that a row made under any key may have."""
        return [self._under(key, purpose, texts) for key in self._keys]

    @staticmethod
    def _under(key: bytes, purpose: str, texts: tuple[str | bytes, ...]) -> bytes:
        # Each text is preceded by its length: ("ab", "c") and ("a", "bc") differ.
        digest = hmac.new(key, digestmod="sha256")
        for text in (purpose, *texts):
            raw = text.encode() if isinstance(text, str) else text
            digest.update(len(raw).to_bytes(8, "big") + raw)
        return digest.digest()


def fold_name(name: str) -> str:
    """A name without what people write differently: width, case, blanks, dots."""
    return unicodedata.normalize("NFKC", name).casefold().translate(_IGNORED_IN_NAMES)


def fold_identifier(identifier: str) -> str:
    """A patient's number without blanks, width and case."""
    return unicodedata.normalize("NFKC", identifier).casefold().replace(" ", "")
