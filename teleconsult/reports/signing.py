"""The site's signature on a PDF: a self-made authority, signing (PAdES-B-B), and saying yes or no to a file.

Needs no database and no network: a stranger with the authority's certificate gets the same verdict. `verify` answers
yes only to a file that is byte for byte what was signed: the signature covers everything but its own container, and of
the container there is exactly one spelling.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from asn1crypto import cms, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from teleconsult.clock import Clock
from teleconsult.reports.state import Verdict, VerdictReason
from teleconsult.vault import Vault

_YEAR = timedelta(days=365)
_AUTHORITY_FOR = 40 * _YEAR  # Records are kept at least 15 years and must verify all that time.
_SIGNER_FOR = 20 * _YEAR
_CONTAINER_BYTES = 4096
_ROW = "reports/authority"
_FIELD = "TeleconsultSignature"


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
        loaded = load_pem_private_key(key, None)
        der = loaded.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._signer = signers.SimpleSigner(
            signing_cert=_as_asn1(certificate),
            signing_key=keys.PrivateKeyInfo.load(der),
            cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
            embed_roots=False,
        )

    async def sign(self, pdf: bytes, seal: Seal, at: datetime) -> bytes:
        """Add the signature.

        Args:
            pdf: Without any signature.
            seal: Stands in the signature's reason.
            at: The moment of signing.
        """
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        meta = signers.PdfSignatureMetadata(
            field_name=_FIELD, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, reason=str(seal)
        )
        session = signers.PdfSigner(meta, self._signer).init_signing_session(writer)
        session.system_time = at.astimezone(UTC).replace(microsecond=0)
        document = session.prepare_tbs_document(validation_info=None, bytes_reserved=2 * _CONTAINER_BYTES)
        digest, output = document.digest_tbs_document()
        attributes = signers.pdf_cms.PdfCMSSignedAttributes(signing_time=session.system_time)
        done = await document.perform_signature(document_digest=digest.document_digest, pdf_cms_signed_attrs=attributes)
        await done.post_signature_processing(output)
        output.seek(0)
        return bytes(output.read())


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


async def verify(pdf: bytes, authority: bytes) -> Verdict:
    """Whether a file is, byte for byte, an opinion signed under this authority.

    Reads outside material in this process: call it through `checker.Checker` where the file comes from strangers.

    Args:
        pdf: The whole file.
        authority: PEM certificate.
    """
    if not pdf.startswith(b"%PDF-"):
        return Verdict(False, VerdictReason.NOT_A_PDF)
    try:
        return await _judged(pdf, authority)
    except Exception:  # noqa: BLE001 - a parser that stumbles over a file has said no, whatever it stumbled over
        return Verdict(False, VerdictReason.CHANGED)


async def _judged(pdf: bytes, authority: bytes) -> Verdict:
    found = PdfFileReader(BytesIO(pdf), strict=True).embedded_signatures
    if not found:
        return Verdict(False, VerdictReason.NOT_SIGNED)
    if len(found) != 1:
        return Verdict(False, VerdictReason.CHANGED)
    embedded = found[0]
    der = _container(pdf, [int(each) for each in embedded.byte_range])
    said_at = embedded.self_reported_timestamp
    certificate = embedded.signer_cert
    if der is None or said_at is None or certificate is None:
        return Verdict(False, VerdictReason.CHANGED)
    root = _as_asn1(authority)
    if certificate.issuer != root.subject or certificate.authority_key_identifier != root.key_identifier:
        return Verdict(False, VerdictReason.UNKNOWN_SIGNER)
    context = ValidationContext(trust_roots=[root], allow_fetching=False, moment=said_at)
    status = await async_validate_pdf_signature(embedded, signer_validation_context=context, skip_diff=True)
    whole = embedded.evaluate_signature_coverage() is SignatureCoverageLevel.ENTIRE_FILE
    if not (status.intact and status.valid and whole and der == _only_spelling(der)):
        return Verdict(False, VerdictReason.CHANGED)
    if not status.trusted:
        return Verdict(False, VerdictReason.UNKNOWN_SIGNER)
    number, version, code = str(embedded.sig_object["/Reason"]).rsplit(" ", 2)
    return Verdict(
        True,
        VerdictReason.GENUINE,
        signer=certificate.subject.native.get("organization_name", ""),
        signed_at=said_at,
        number=number,
        version=int(version.removeprefix("v")),
        code=code,
    )


def _container(pdf: bytes, byte_range: list[int]) -> bytes | None:
    """The signature's DER; None unless the range leaves out exactly one hexadecimal string in our own spelling."""
    start, before, after, length = byte_range
    gap = pdf[before:after]
    if start != 0 or after + length != len(pdf) or gap[:1] != b"<" or gap[-1:] != b">":
        return None
    text = gap[1:-1]
    raw = bytes.fromhex(text.decode("ascii"))
    if raw.hex().upper().encode() != text or len(raw) != _CONTAINER_BYTES:
        return None
    content = cms.ContentInfo.load(raw)  # Leaves the padding aside.
    der: bytes = content.dump()
    return der if not raw[len(der) :].strip(b"\0") else None


def _only_spelling(der: bytes) -> bytes:
    """The container made anew from what the signatures vouch for: certificate, signed attributes, signature value."""
    signed = cms.ContentInfo.load(der)["content"]
    info = signed["signer_infos"][0]
    certificate = asn1_x509.Certificate.load(signed["certificates"][0].chosen.dump())
    if certificate["signature_algorithm"].dump() != certificate["tbs_certificate"]["signature"].dump():
        return b""
    digest = {"algorithm": "sha256"}
    anew = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [digest],
            "encap_content_info": {"content_type": "data"},
            "certificates": [certificate],
            "signer_infos": [
                {
                    "version": "v1",
                    "sid": cms.IssuerAndSerialNumber(
                        {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                    ),
                    "digest_algorithm": digest,
                    "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                    "signed_attrs": info["signed_attrs"],
                    "signature": info["signature"].native,
                }
            ],
        }
    )
    spelling: bytes = cms.ContentInfo({"content_type": "signed_data", "content": anew}).dump()
    return spelling


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


def _as_asn1(pem: bytes) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))


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
