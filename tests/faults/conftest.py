"""Servers that are broken on purpose: each test gets what it breaks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.county import County, start


@pytest.fixture(scope="module")
def house(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """A demo of this module's own: its web process is killed again and again."""
    made = start(county, tmp_path_factory.mktemp("house") / "data")
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="module")
def house_of_two(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """The same with two media processes."""
    made = start(county, tmp_path_factory.mktemp("house") / "data", TELECONSULT_MEDIA_PROCESSES="2")
    yield made
    assert made.stop() == 0
