"""What tests of the whole house share: the sample county, built once per run, and which process runs what."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.builders.county import County, prepared, start

pytest_plugins = ("tests.services",)

# Machines that test are busy: how long one example takes says nothing. The same examples each time: a red run means
# that the change broke something; new examples are looked for by `make fuzz`.
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

HERE = Path(__file__).parent
TOGETHER = {"journeys": "journey", "faults": "fault"}
"""Folder -> marker. All tests of such a folder run in one process, one after the other, over one server."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives the whole house, so that one process starts one server and one browser for all of it."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        folder = item.path.relative_to(HERE).parts[0]
        if folder in TOGETHER:
            item.add_marker(getattr(pytest.mark, TOGETHER[folder]))
            item.add_marker(pytest.mark.xdist_group(folder))
        elif folder == "security":
            item.add_marker(pytest.mark.xdist_group(folder))


@pytest.fixture(scope="session")
def county(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A data folder with the sample county, made by the services; copy it before you change it.

    `PREPARED_COUNTY` names a folder that outlives the run: it saves half a minute while tests are being written.
    """
    if kept := os.environ.get("PREPARED_COUNTY"):
        return prepared(Path(kept))
    base = tmp_path_factory.getbasetemp()
    return prepared((base if worker_id == "master" else base.parent) / "prepared")


@pytest.fixture(scope="session")
def demo(county: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """The real demo, running; one for all tests of this process. Who breaks it starts one of their own."""
    made = start(county, tmp_path_factory.mktemp("demo") / "data")
    yield made
    assert made.stop() == 0
