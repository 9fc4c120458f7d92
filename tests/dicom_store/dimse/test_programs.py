"""The programs that hospitals use work unchanged: dcmtk's and pynetdicom's, in clear and over TLS, many at once."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dicom_store.app import Archive
from dicom_store.dimse.listener import Listening, serve_dimse
from dicom_store.dimse.sockets import DimseLimits
from tests.builders.films import ct_series, uids
from tests.dicom_store.dimse.conftest import AET, Stations
from tests.dicom_store.dimse.test_listener import kept, raw_dataset, run, write

dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="dcmtk is not here")


async def said(*words: object) -> tuple[int, str]:
    """Start a program; its exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        text, _ = await process.communicate()
    return process.returncode or 0, text.decode(errors="replace")


def scu(program: str, at: Listening, *more: object) -> list[object]:
    return [program, "-aet", "EAST", "-aec", AET, "127.0.0.1", at.port, *more]


@dcmtk
async def test_dcmtk_stores_finds_and_gets(listening: Listening, archive: Archive, tmp_path: Path) -> None:
    films = ct_series(3)
    study = uids(films[0])[0]
    assert await run(*scu("storescu", listening), "+sd", write(tmp_path / "sent", films)) == 0
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}"]
    code, text = await said(*scu("findscu", listening, "-S", *keys, "-k", "PatientName"))
    assert code == 0
    assert "Wang^Fang" in text
    (tmp_path / "got").mkdir()
    assert await run(*scu("getscu", listening, "-S", *keys, "-od", tmp_path / "got")) == 0
    got = {str(pydicom.dcmread(path).SOPInstanceUID): path.read_bytes() for path in (tmp_path / "got").iterdir()}
    assert {name: raw_dataset(data) for name, data in got.items()} == {
        uids(data)[2]: raw_dataset(data) for data in films
    }


async def test_pynetdicoms_programs_echo_store_find_and_get(listening: Listening, tmp_path: Path) -> None:
    films = ct_series(3)
    folder = write(tmp_path / "sent", films)
    here = [sys.executable, "-m", "pynetdicom"]
    place = ["127.0.0.1", listening.port, "-aet", "EAST", "-aec", AET]
    assert (await said(*here, "echoscu", *place))[0] == 0
    assert (await said(*here, "storescu", *place[:2], folder, *place[2:], "-r"))[0] == 0
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uids(films[0])[0]}"]
    code, text = await said(*here, "findscu", *place, "-S", *keys, "-k", "PatientID", "-d")
    assert (code, "P1" in text) == (0, True)
    code, text = await said(*here, "getscu", *place, "-S", *keys, "-od", tmp_path / "got")
    assert code == 0, text
    assert len(list((tmp_path / "got").iterdir())) == 3


@dcmtk
async def test_several_associations_at_once(listening: Listening, archive: Archive, tmp_path: Path) -> None:
    series = [ct_series(6) for _ in range(6)]
    folders = [write(tmp_path / str(place), films) for place, films in enumerate(series)]
    codes = await asyncio.gather(*[run(*scu("storescu", listening), "+sd", folder) for folder in folders])
    assert codes == [0] * 6
    for films in series:
        for data in films:
            assert raw_dataset(await kept(archive, data)) == raw_dataset(data)


# ---------------------------------------------------------------- TLS


def identity(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "own.pem", folder / "own.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret


@pytest.fixture
async def secure(archive: Archive, stations: Stations, tmp_path: Path) -> AsyncIterator[Listening]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity(tmp_path))
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, tls=context) as found:
        yield found


@dcmtk
async def test_dcmtk_stores_over_tls(secure: Listening, archive: Archive, tmp_path: Path) -> None:
    films = ct_series(2)
    folder = write(tmp_path / "sent", films)
    trusting = ["+tla", "+cf", tmp_path / "own.pem"]
    assert await run(*scu("storescu", secure), "+sd", folder) != 0, "in clear nobody is let in"
    code, text = await said(*scu("storescu", secure, *trusting), "+sd", folder)
    assert code == 0, text
    for data in films:
        assert raw_dataset(await kept(archive, data)) == raw_dataset(data)


@dcmtk
async def test_a_caller_that_says_nothing_in_tls_does_not_stop_the_others(secure: Listening, tmp_path: Path) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    try:
        folder = write(tmp_path / "sent", ct_series(1))
        assert await run(*scu("storescu", secure, "+tla", "+cf", tmp_path / "own.pem"), "+sd", folder) == 0
    finally:
        writer.close()


async def test_a_handshake_that_never_ends_is_cut_off(archive: Archive, stations: Stations, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity(tmp_path))
    limits = DimseLimits(begin=timedelta(seconds=0.5))
    async with serve_dimse(archive, stations, ("127.0.0.1", 0), AET, tls=context, limits=limits) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()
