"""Sealed fields: only the right key opens them, only where they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleconsult.vault import Unreadable, Vault

OLD, NEW = b"o" * 32, b"n" * 32
ROW = "patients/1/name"


def vault(current: int = 0) -> Vault:
    return Vault({0: OLD, 1: NEW}, current=current)


@given(st.text(max_size=300), st.text(max_size=60))
def test_what_is_sealed_is_opened_again(text: str, row: str) -> None:
    sealed = vault().seal(text, row)
    assert vault().open(sealed, row) == text
    assert not text or len(text) < 4 or text.encode() not in sealed


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(vault().seal("高守田", ROW))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unreadable):
        vault().open(bytes(sealed), ROW)


@given(st.binary(max_size=64))
def test_noise_opens_nothing(noise: bytes) -> None:
    with pytest.raises(Unreadable):
        vault().open(noise, ROW)


def test_a_value_cannot_be_moved_to_another_row() -> None:
    with pytest.raises(Unreadable) as unreadable:
        vault().open(vault().seal("高守田", ROW), "patients/2/name")
    assert "高守田" not in str(unreadable.value)


def test_the_same_text_is_never_sealed_the_same() -> None:
    assert len({vault().seal("高守田", ROW) for _ in range(100)}) == 100


def test_after_a_rotation_old_values_stay_readable_and_new_ones_take_the_new_key() -> None:
    before, after = vault(0), vault(1)
    assert after.open(before.seal("x", ROW), ROW) == "x"
    assert after.seal("x", ROW)[0] == 1
    with pytest.raises(Unreadable):
        Vault({0: OLD}, current=0).open(after.seal("x", ROW), ROW)


def test_searching_and_derived_keys_outlive_a_rotation() -> None:
    assert vault(0).fingerprint("11010519491231002X", "id") == vault(1).fingerprint("11010519491231002X", "id")
    assert vault(0).subkey("sessions") == vault(1).subkey("sessions")
    assert len(vault().subkey("sessions")) == 32


def test_fingerprints_of_other_purposes_and_sites_have_nothing_in_common() -> None:
    one = vault().fingerprint("13800138000", "phone")
    assert len(one) == 16
    assert one != vault().fingerprint("13800138000", "id")
    assert one != Vault({0: NEW}, current=0).fingerprint("13800138000", "phone")
    assert vault().subkey("sessions") != vault().subkey("archive")
