from collections.abc import Callable
from decimal import Decimal

import pytest

from dicom_store.labs.model import (
    Absent,
    Attachment,
    Coded,
    Comparator,
    Flag,
    LabReport,
    Notice,
    Numeric,
    Structured,
    Textual,
    Value,
)
from dicom_store.labs.payload import packed, unpacked
from tests.dicom_store.labs.conftest import observation


@pytest.mark.parametrize(
    "value",
    [
        Numeric(">7.00", Decimal("7.00"), Comparator.GREATER), Textual("阴性"), Structured("1:128"),
        Coded("Detected", "260", "SCT"), Absent("*****"), Attachment("x", "image/png", b"\x89PNG\x00"),
    ],
)  # fmt: skip
def test_every_kind_of_value_is_packed_and_unpacked(report: Callable[..., LabReport], value: Value) -> None:
    made = report(
        observations=(observation(value=value, computed=Flag.HIGH, computed_from="range", range_low=Decimal("3.50")),),
        notices=(Notice.CHARSET_UNDECLARED,),
    )
    assert unpacked(packed(made)) == made
    assert packed(made) == packed(made)
