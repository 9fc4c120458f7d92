"""Real servers for the larger column: PostgreSQL and Redis on free loopback ports.

Where the programs are not installed, tests that need them are skipped with a sentence. `TEST_POSTGRES_URL` names a
server that runs already.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

_READY_WITHIN_S = 60.0


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until something takes connections."""
    end = time.monotonic() + _READY_WITHIN_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < end, f"nothing listens on {port}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a PostgreSQL server in which tests make databases of their own."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not programs:
        pytest.skip("PostgreSQL is not installed here: its column is not tested.")
    # Not below pytest's own folders: each new run closes those to other users.
    folder, port = Path(tempfile.mkdtemp(prefix="teleconsult-postgres-")), free_port()
    user = _unprivileged(folder)
    subprocess.run(
        [programs[0] / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8",
         "--locale=C.UTF-8"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user, group=user,
    )  # fmt: skip
    server = subprocess.Popen(
        [programs[0] / "postgres", "-D", folder / "data", "-p", str(port), "-h", "127.0.0.1", "-k", folder,
         "-c", "fsync=off", "-c", "max_connections=200"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, user=user, group=user,
    )  # fmt: skip
    try:
        ready = [programs[0] / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        end = time.monotonic() + _READY_WITHIN_S
        while subprocess.run(ready, check=False).returncode:
            assert time.monotonic() < end, "PostgreSQL never became ready"
            time.sleep(0.1)
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown, which ends its connections
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> int | None:
    """PostgreSQL refuses to run as root: the user to run it as, who is given the folder."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user `postgres`.")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return user.pw_uid


async def new_database(server: str) -> str:
    """SQLAlchemy URL of a new, empty database; it goes with the server."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(make_url(server).set(drivername="postgresql").render_as_string(False))
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return make_url(server).set(database=name).render_as_string(False)


@dataclass
class Redis:
    """A server that a test may kill and start again, on the same port."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        wait_for(self.port)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Redis]:
    """A Redis server."""
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed here: its column is not tested.")
    server = Redis(free_port(), tmp_path)
    server.start()
    yield server
    server.kill()
