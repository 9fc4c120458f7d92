"""The site's authority and its key: made once, kept sealed. The signature itself is `pades`.

Imports no library for PDF: the web process holds a `Signer` from its start, and most of its life signs nothing.
"""

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from teleconsult.clock import Clock
from teleconsult.vault import Vault

_YEAR = timedelta(days=365)
_AUTHORITY_FOR = 40 * _YEAR  # Records are kept at least 15 years and must verify all that time.
_SIGNER_FOR = 20 * _YEAR
_ROW = "reports/authority"


@dataclass(frozen=True, slots=True)
class Seal:
    """What is written into the signature beside the time.

    Attributes:
        number: The consult's number.
        version: Of the report.
        code: Its verification code.
    """

    number: str
    version: int
    code: str

    def __str__(self) -> str:
        return f"{self.number} v{self.version} {self.code}"


class Signer:
    """Signs PDFs with the site's key.

    Args:
        authority: PEM certificate of the site's own authority: what a stranger needs to check.
        certificate: PEM certificate of the signing key, issued by the authority.
        key: PEM private key.
    """

    def __init__(self, authority: bytes, certificate: bytes, key: bytes) -> None:
        self.authority = authority
        self._certificate = certificate
        self._key = key

    async def sign(self, pdf: bytes, seal: Seal, at: datetime) -> bytes:
        """Add the signature.

        Args:
            pdf: Without any signature.
            seal: Stands in the signature's reason.
            at: The moment of signing.
        """
        # Half a second of importing at the first signature, and not in the thread that answers everybody else.
        pades = await asyncio.to_thread(import_module, "teleconsult.reports.pades")
        signed: bytes = await pades.sign(pdf, self._certificate, self._key, str(seal), at)
        return signed


def open_signer(folder: Path, vault: Vault, clock: Clock, site: str) -> Signer:
    """The site's signer; made at the first call, with the authority's certificate in `authority.pem` beside it.

    Args:
        folder: Where the sealed keys are kept; made when missing.
        vault: Seals the keys.
        clock: From when the certificates are valid.
        site: The name strangers read as the signer's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "authority.sealed"
    if not kept.exists():
        _keep_once(kept, vault.seal(json.dumps(_made(clock.now(), site)), _ROW))
    parts = json.loads(vault.open(kept.read_bytes(), _ROW))
    public = folder / "authority.pem"
    if not public.exists():
        _keep_once(public, parts["authority"].encode())
    return Signer(parts["authority"].encode(), parts["certificate"].encode(), parts["key"].encode())


def _made(now: datetime, site: str) -> dict[str, str]:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name(site, "远程会诊签名根证书"), _name(site, "远程会诊意见书签名")
    start = now - timedelta(days=1)
    root = (
        _certificate(root_name, root_name, root_key.public_key(), start, _AUTHORITY_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(root_key, SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    certificate = (
        _certificate(name, root_name, key.public_key(), start, _SIGNER_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(issuer, critical=False)
        .sign(root_key, SHA256())
    )
    # The authority's key is thrown away here: nothing else can ever be issued under its name. A new signing key
    # means a new authority, and old reports go on verifying under the old certificate.
    return {
        "authority": root.public_bytes(Encoding.PEM).decode(),
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(site: str, what: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, site[:64]), x509.NameAttribute(NameOID.COMMON_NAME, what)]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _keep_once(path: Path, content: bytes) -> None:
    # Written aside and linked into place: two processes that start at once, or a cut, never leave half a file.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(aside, path)
    aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
