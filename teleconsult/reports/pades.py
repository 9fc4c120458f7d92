"""The signature on a PDF (PAdES-B-B): put there, and judged yes or no.

Needs no database and no network: a stranger with the authority's certificate gets the same verdict. `verify` answers
yes only to a file that is byte for byte what was signed: the signature covers everything but its own container, and of
the container there is exactly one spelling.
"""

from datetime import UTC, datetime
from io import BytesIO

from asn1crypto import cms, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from teleconsult.reports.state import Verdict, VerdictReason

_CONTAINER_BYTES = 4096
_FIELD = "TeleconsultSignature"


async def sign(pdf: bytes, certificate: bytes, key: bytes, reason: str, at: datetime) -> bytes:
    """Add the signature.

    Args:
        pdf: Without any signature.
        certificate: PEM, of the key.
        key: PEM private key.
        reason: Stands in the signature.
        at: The moment of signing.
    """
    der = load_pem_private_key(key, None).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(
        signing_cert=_as_asn1(certificate),
        signing_key=keys.PrivateKeyInfo.load(der),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
        embed_roots=False,
    )
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    meta = signers.PdfSignatureMetadata(
        field_name=_FIELD, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES, reason=reason
    )
    session = signers.PdfSigner(meta, signer).init_signing_session(writer)
    session.system_time = at.astimezone(UTC).replace(microsecond=0)
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=2 * _CONTAINER_BYTES)
    digest, output = document.digest_tbs_document()
    attributes = signers.pdf_cms.PdfCMSSignedAttributes(signing_time=session.system_time)
    done = await document.perform_signature(document_digest=digest.document_digest, pdf_cms_signed_attrs=attributes)
    await done.post_signature_processing(output)
    output.seek(0)
    return bytes(output.read())


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


def _as_asn1(pem: bytes) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))
