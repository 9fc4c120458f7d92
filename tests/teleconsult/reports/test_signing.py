import random
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from teleconsult.errors import TooLarge
from teleconsult.reports.checker import MAX_FILE_BYTES, Checker
from teleconsult.reports.pades import verify
from teleconsult.reports.signing import Seal, Signer, open_signer
from teleconsult.reports.state import VerdictReason
from teleconsult.vault import Unreadable, Vault
from tests.builders.opinions import NOW, StandingClock

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pyhanko")
SEAL = Seal("HZ-20261123-0047", 1, "ABCD-EFGH-JKLM-NPQR")


@pytest.fixture(scope="session")
def signer(make_signer: Callable[[str], Signer]) -> Signer:
    return make_signer("临澜会诊中心")


@pytest.fixture
async def signed(signer: Signer, unsigned: bytes) -> bytes:
    return await signer.sign(unsigned, SEAL, NOW)


async def test_a_stranger_with_the_authority_alone_gets_a_yes(signed: bytes, signer: Signer) -> None:
    verdict = await verify(signed, signer.authority)
    assert verdict.genuine
    assert verdict.reason is VerdictReason.GENUINE
    assert (verdict.signer, verdict.signed_at) == ("临澜会诊中心", NOW)
    assert (verdict.number, verdict.version, verdict.code) == ("HZ-20261123-0047", 1, "ABCD-EFGH-JKLM-NPQR")


async def test_one_flipped_bit_in_the_text_is_a_no(signed: bytes, signer: Signer) -> None:
    dice = random.Random(20261123)
    for _ in range(60):
        at = dice.randrange(len(signed))
        changed = bytearray(signed)
        changed[at] ^= 1 << dice.randrange(8)
        assert not (await verify(bytes(changed), signer.authority)).genuine, at


async def test_one_flipped_bit_in_the_signature_itself_is_a_no(signed: bytes, signer: Signer) -> None:
    """The signature does not cover its own container; every byte of it, padding too, has one spelling only."""
    begin = signed.rindex(b"/Contents <")
    end = signed.index(b">", begin)
    dice = random.Random(7)
    for at in [*dice.sample(range(begin, end + 1), 60), end - 1, begin + 11]:
        for bit in (0x01, 0x20):
            changed = bytearray(signed)
            changed[at] ^= bit
            assert not (await verify(bytes(changed), signer.authority)).genuine, at - begin


@pytest.mark.parametrize("tail", [b"\n", b" ", b"%%EOF\n", b"\0"])
async def test_one_byte_more_or_less_is_a_no(signed: bytes, signer: Signer, tail: bytes) -> None:
    assert not (await verify(signed + tail, signer.authority)).genuine
    assert not (await verify(signed[: -len(tail)], signer.authority)).genuine


async def test_another_authority_of_the_same_name_is_an_unknown_signer(
    signed: bytes, make_signer: Callable[[str], Signer]
) -> None:
    verdict = await verify(signed, make_signer("临澜会诊中心").authority)
    assert (verdict.genuine, verdict.reason) == (False, VerdictReason.UNKNOWN_SIGNER)


async def test_a_later_revision_on_top_is_a_no(signed: bytes, signer: Signer) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    writer.root["/Lang"] = writer.root["/Lang"]
    writer.update_root()
    out = BytesIO()
    writer.write(out)
    assert not (await verify(out.getvalue(), signer.authority)).genuine


async def test_an_unsigned_file_and_no_pdf_say_so(unsigned: bytes, signer: Signer) -> None:
    assert (await verify(unsigned, signer.authority)).reason is VerdictReason.NOT_SIGNED
    assert (await verify(b"PK\x03\x04", signer.authority)).reason is VerdictReason.NOT_A_PDF
    assert (await verify(b"", signer.authority)).reason is VerdictReason.NOT_A_PDF
    assert (await verify(b"%PDF-1.7\n", signer.authority)).reason is VerdictReason.CHANGED


async def test_poppler_too_finds_the_signature_valid(signed: bytes, tmp_path: Path) -> None:
    if shutil.which("pdfsig") is None:
        pytest.skip("pdfsig is not installed: the outside check of the signature is left out")
    (tmp_path / "signed.pdf").write_bytes(signed)
    said = subprocess.run(
        ["pdfsig", "-nocert", tmp_path / "signed.pdf"], capture_output=True, text=True, check=False
    ).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


async def test_the_checker_gives_the_same_verdicts_from_a_child(signed: bytes, signer: Signer) -> None:
    checker = Checker(signer.authority)
    assert await checker.check(signed) == await verify(signed, signer.authority)
    assert (await checker.check(signed[:-1])).reason is VerdictReason.CHANGED
    assert (await checker.check(b"")).reason is VerdictReason.NOT_A_PDF


async def test_the_checker_survives_hostile_files(signer: Signer) -> None:
    checker = Checker(signer.authority)
    for hostile in (
        b"%PDF-1.7\n/ByteRange" + b"[" * 200_000,
        b"%PDF-1.7\n%/ByteRange\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj\n"
        b"trailer<</Root 1 0 R/Prev 0>>startxref\n9\n%%EOF",
        b"%PDF-1.7\n/ByteRange\nstartxref\n99999999999999999999\n%%EOF",
    ):
        assert not (await checker.check(hostile)).genuine
    with pytest.raises(TooLarge):
        await checker.check(b"%PDF" + bytes(MAX_FILE_BYTES))


def test_the_authority_is_made_once_and_its_keys_are_sealed(tmp_path: Path) -> None:
    vault = Vault({0: b"k" * 32}, current=0)
    first = open_signer(tmp_path, vault, StandingClock(), "甲")
    assert open_signer(tmp_path, vault, StandingClock(), "乙").authority == first.authority
    assert (tmp_path / "authority.pem").read_bytes() == first.authority
    assert b"PRIVATE" not in (tmp_path / "authority.sealed").read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["authority.pem", "authority.sealed"]
    with pytest.raises(Unreadable):
        open_signer(tmp_path, Vault({0: b"z" * 32}, current=0), StandingClock(), "甲")


async def test_a_report_still_verifies_after_the_fifteen_years_of_retention(unsigned: bytes, signer: Signer) -> None:
    late = await signer.sign(unsigned, SEAL, NOW + timedelta(days=365 * 16))
    assert (await verify(late, signer.authority)).genuine
