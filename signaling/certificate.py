"""A certificate that a node makes for its own line at each start: nobody signs it, its fingerprint is told."""

import ssl
import tempfile
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LASTS = timedelta(days=3650)


def self_made(now: datetime) -> tuple[ssl.SSLContext, bytes]:
    """For a server, and the SHA-256 fingerprint by which its clients know it. The key is never kept."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media node")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LASTS)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as folder:  # the standard library reads files only
        file = Path(folder, "line.pem")
        file.touch(0o600)
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        pem = serialization.Encoding.PEM
        file.write_bytes(key.private_bytes(pem, form, plain) + made.public_bytes(pem))
        context.load_cert_chain(file)
    return context, sha256(made.public_bytes(serialization.Encoding.DER)).digest()
