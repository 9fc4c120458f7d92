"""Whether two files say the same film. Pure; never says yes of two that differ.

Senders write one film in several ways: a disc has other file meta information, group lengths and padding than what a
scanner or another program sends of it.

Source: DICOM PS3.5 7.2 (group lengths), PS3.10 7.1 (file meta information); Data Set Trailing Padding (FFFC,FFFC).
"""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from dicom_store.elements import Buffer

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

MOST_BYTES = 256 << 20
"""Two larger films are not compared: they count as different."""
_PADDING = 0xFFFCFFFC


def same_film(one: Buffer, other: Buffer) -> bool:
    """Compare the data sets, element by element.

    Args:
        one: A whole file.
        other: Another.
    """
    if len(one) + len(other) > 2 * MOST_BYTES:
        return False
    # Imported on need: it takes more memory than all the rest of the archive, and twins are rare.
    from pydicom import dcmread

    try:
        left, right = (dcmread(BytesIO(data), force=True) for data in (one, other))
        return left.is_little_endian == right.is_little_endian and list(_told(left)) == list(_told(right))
    except Exception:  # noqa: BLE001 - pydicom raises anything on odd films; who cannot tell says no
        return False


def _told(dataset: "Dataset") -> Iterator[tuple[int, object]]:
    """What the elements say; a sequence says its items."""
    for element in dataset:
        if element.tag.element != 0 and element.tag != _PADDING:
            yield int(element.tag), _value(element)


def _value(element: "DataElement") -> object:
    if element.VR == "SQ":
        return [list(_told(item)) for item in element.value]
    # The value representation itself is not compared: implicit films name none, and private ones are unknown there.
    return element.value
