from pathlib import Path

import pytest

from tests.builders.consults import a_site


@pytest.fixture
async def site(tmp_path: Path):
    async with a_site(tmp_path) as made:
        yield made
