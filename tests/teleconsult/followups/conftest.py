from pathlib import Path

import pytest

from tests.builders.calls import a_call_site


@pytest.fixture
async def calls(tmp_path: Path):
    async with a_call_site(tmp_path) as made:
        yield made
