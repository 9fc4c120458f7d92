from dicom_store.dimse.sockets import Memory
from dicom_store.dimse.statuses import status_of
from dicom_store.errors import FilmRefused, LabRefused, NotIdentified, StorageFull, Unavailable


def test_memory_is_lent_up_to_its_bound_and_given_back() -> None:
    memory = Memory(100)
    assert memory.take(60)
    assert not memory.take(41)
    assert memory.take(40)
    memory.give(60)
    assert memory.take(60)


def test_every_error_has_its_status() -> None:
    assert status_of(FilmRefused("x", failure_reason=0xA900)) == 0xA900
    assert status_of(NotIdentified("x")) == 0x0124
    assert status_of(StorageFull("x")) == status_of(Unavailable("x")) == 0xA700
    assert status_of(LabRefused("x")) == 0xC000
