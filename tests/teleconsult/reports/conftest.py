"""A press, and signers made once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from teleconsult.reports.press import Press
from teleconsult.reports.signing import Signer, open_signer
from teleconsult.vault import Vault
from tests.builders.opinions import NOW, StandingClock, film, sheet


@pytest.fixture
def press() -> Press:
    return Press()


@pytest.fixture(scope="session")
def make_signer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Signer]:
    vault = Vault({0: b"k" * 32}, current=0)

    def make(site: str) -> Signer:
        folder: Path = tmp_path_factory.mktemp("authority")
        return open_signer(folder, vault, StandingClock(), site)

    return make


@pytest.fixture(scope="session")
def unsigned() -> bytes:
    return asyncio.run(Press().print_final(sheet(), [film()], NOW))
