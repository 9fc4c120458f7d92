import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from teleconsult.http.origin import TRUSTED_PROXIES, address_of, is_secure


def request(peer: str, proxies: tuple[str, ...] = (), **headers: str) -> web.Request:
    app = web.Application()
    app[TRUSTED_PROXIES] = proxies
    made = make_mocked_request("GET", "/", headers={k.replace("_", "-"): v for k, v in headers.items()}, app=app)
    return made.clone(remote=peer)


@pytest.mark.parametrize(
    ("peer", "proxies", "forwarded", "address"),
    [
        ("203.0.113.5", (), "198.51.100.1", "203.0.113.5"),
        ("10.0.0.1", ("10.0.0.0/8",), "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.0/8",), "1.1.1.1, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.0/8",), "not an address", "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.0/8",), "", "10.0.0.1"),
    ],
)
def test_only_a_named_proxy_is_believed(peer, proxies, forwarded, address):
    assert address_of(request(peer, proxies, X_Forwarded_For=forwarded)) == address


def test_a_stranger_cannot_claim_tls():
    assert not is_secure(request("203.0.113.5", (), X_Forwarded_Proto="https"))
    assert is_secure(request("10.0.0.1", ("10.0.0.1",), X_Forwarded_Proto="https"))
