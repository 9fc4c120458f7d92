"""The clinic's Settings: frozen, from the environment, read once; the tool houses are handed theirs from here.

Every name begins with TELECONSULT_. A secret may also be given as NAME_FILE. An unknown name, a bad value or an
unreadable file stops the start with one clear line.
"""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from teleconsult.vault import Vault

PREFIX = "TELECONSULT_"
_SECRETS = frozenset({"SECRET_KEY", "TURN_SECRET", "DATABASE_URL", "ARCHIVE_DATABASE_URL", "REDIS_URL", "BLOB_URL"})
_KEY_BYTES = 32


class SettingsRefused(Exception):
    """The environment cannot be understood; the text is one line for the person at the console."""


@dataclass(frozen=True, slots=True)
class Bind:
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Bind":
        """Read `host:port` or `[v6]:port`.

        Raises:
            ValueError: Not of this form.
        """
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be HOST:PORT")
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Settings(BaseModel):
    """All that can be set. Defaults serve one machine on loopback."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    data_dir: Path = Path("data")
    database_url: str | None = None
    archive_database_url: str | None = None
    redis_url: str | None = None
    blob_url: str | None = None
    http_bind: Bind = Bind("127.0.0.1", 8080)
    public_url: str | None = None
    dimse_bind: Bind = Bind("127.0.0.1", 11112)
    dimse_tls: bool = False
    mllp_bind: Bind = Bind("127.0.0.1", 2575)
    media_udp_port: int = Field(40000, ge=0, le=65535)
    media_announce: str | None = None
    media_processes: int = Field(1, ge=0, le=64)
    media_bind: Bind | None = None
    recording_days: int = Field(1096, ge=1, le=36_500)
    turn_urls: tuple[str, ...] = ()
    turn_secret: SecretStr | None = None
    secret_key: SecretStr | None = None
    insecure_http: bool = False
    trusted_proxies: tuple[str, ...] = ()
    language: Literal["zh_CN", "en"] = "zh_CN"
    time_zone: str = "Asia/Shanghai"

    @field_validator("http_bind", "dimse_bind", "mllp_bind", "media_bind", mode="before")
    @classmethod
    def _bind(cls, value: Any) -> Any:
        return Bind.parse(value) if isinstance(value, str) else value

    @field_validator("media_bind")
    @classmethod
    def _address_of_others(cls, value: Bind | None) -> Bind | None:
        if value is not None and value.host in ("0.0.0.0", "::"):  # noqa: S104
            raise ValueError("must be an address at which other machines reach this one")
        return value

    @field_validator("turn_urls", "trusted_proxies", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def clinic_database_url(self) -> str:
        """Where the clinic's records are."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'clinic.db'}"

    @model_validator(mode="after")
    def _neighbours(self) -> "Settings":
        if self.has_neighbours and not self.redis_url:
            raise ValueError(f"needed where {PREFIX}MEDIA_BIND is set or {PREFIX}MEDIA_PROCESSES is 0")
        return self

    @property
    def has_neighbours(self) -> bool:
        """Whether media processes of several machines work together."""
        return self.media_bind is not None or self.media_processes == 0

    @property
    def media_ports(self) -> range:
        """The UDP ports of calls, one for each media process of this machine."""
        return range(self.media_udp_port, self.media_udp_port + max(1, self.media_processes))

    def vault(self) -> Vault:
        """The keys of this site: from SECRET_KEY, else from a file beside the data, made at the first start."""
        return Vault({0: self._secret()}, current=0)

    def _secret(self) -> bytes:
        if self.secret_key is not None:
            given = self.secret_key.get_secret_value().encode()
            if len(given) < _KEY_BYTES:
                raise SettingsRefused(f"{PREFIX}SECRET_KEY is too short: give at least {_KEY_BYTES} characters.")
            return given
        return _kept_secret(self.data_dir / "secret.key")


def _kept_secret(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Written aside and linked into place: two processes that start at once, or a cut, never leave half a key.
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
    return path.read_bytes()


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: Instead of the process's own, for tests.

    Raises:
        SettingsRefused: An unknown name, a bad value, or an unreadable file.
    """
    given = os.environ if environment is None else environment  # noqa: TID251 - the one place that reads it
    values: dict[str, str] = {}
    for name, value in given.items():
        if not name.startswith(PREFIX):
            continue
        short = name.removeprefix(PREFIX)
        if short.endswith("_FILE") and short.removesuffix("_FILE") in _SECRETS:
            short, value = short.removesuffix("_FILE"), _read(name, value)
        if short.lower() not in Settings.model_fields:
            raise SettingsRefused(f"{name} is not a setting. Known: {_known()}.")
        values[short.lower()] = value
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0] if first["loc"] else "REDIS_URL").upper()
        raise SettingsRefused(f"{name}: {first['msg'].removeprefix('Value error, ')}.") from None


def _known() -> str:
    return ", ".join(sorted(PREFIX + name.upper() for name in Settings.model_fields))


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsRefused(f"{name}: cannot read the file it names ({error.strerror}).") from None
