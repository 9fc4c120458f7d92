"""A site's own certificate: browsers accept it for the addresses it is reached at, and for nothing else."""

import socket
import ssl
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from teleconsult.clock import SystemClock
from teleconsult.tls import Identity, identity

HOSTS = ["127.0.0.1", "localhost", "10.1.2.3", "fd00::1"]
NOW = SystemClock().now()


def leaf(made: Identity) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.certificate.read_bytes())


def shaken(made: Identity, host: str) -> str | None:
    """What the TLS of this machine says of the certificate for a host name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            try:
                with server.wrap_socket(line, server_side=True) as wrapped:
                    wrapped.recv(1)
            except OSError:
                line.close()

        thread = threading.Thread(target=serve)
        thread.start()
        client = ssl.create_default_context(cafile=str(made.ca))
        try:
            with (
                socket.create_connection(listener.getsockname()) as line,
                client.wrap_socket(line, server_hostname=host) as wrapped,
            ):
                return wrapped.version()
        finally:
            thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3"])
def test_a_browser_that_knows_the_authority_trusts_the_site(tmp_path: Path, host: str) -> None:
    assert shaken(identity(tmp_path / "tls", HOSTS, NOW), host) == "TLSv1.3"


def test_another_name_is_not_the_site(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(identity(tmp_path / "tls", HOSTS, NOW), "bank.example")


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    made = identity(tmp_path / "tls", HOSTS, NOW)
    for key in (made.key, made.ca.with_name("ca.key")):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700


def test_it_is_made_once_and_stays(tmp_path: Path) -> None:
    first = leaf(identity(tmp_path / "tls", HOSTS, NOW))
    assert leaf(identity(tmp_path / "tls", list(reversed(HOSTS)), NOW + timedelta(days=30))) == first


@pytest.mark.parametrize(("hosts", "later"), [([*HOSTS, "clinic.example"], timedelta(0)), (HOSTS, timedelta(days=370))])
def test_new_addresses_or_a_near_end_bring_a_new_leaf_of_the_same_authority(
    tmp_path: Path, hosts: list[str], later: timedelta
) -> None:
    made = identity(tmp_path / "tls", HOSTS, NOW)
    before, authority = leaf(made), made.ca.read_bytes()
    after = leaf(identity(tmp_path / "tls", hosts, NOW + later))
    assert after.serial_number != before.serial_number
    assert made.ca.read_bytes() == authority
    assert after.not_valid_after_utc - after.not_valid_before_utc < timedelta(days=398)
