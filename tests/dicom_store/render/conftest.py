"""What tests of pictures share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dicom_store.render.near import Near


@pytest.fixture
def near() -> Iterator[Near]:
    made = Near()
    yield made
    made.close()
