"""Secrets that are shown once: how they are made and what is kept of them."""

import secrets
from hashlib import sha256

TOKEN_PREFIX = "tc_"  # noqa: S105 - a mark by which scanners of leaked secrets know ours
_BYTES = 32


def new_session_secret() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(_BYTES)


def new_token() -> str:
    """256 random bits for a bearer token."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_BYTES)


def kept_hash(secret: str) -> bytes:
    """What is kept; the secret has enough bits of its own to need no salt."""
    return sha256(secret.encode()).digest()
