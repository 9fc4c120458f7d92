import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_store.errors import UploadRefused
from dicom_store.uploads.protocol import (
    Append,
    Checksum,
    ChecksumKind,
    Limits,
    Progress,
    Summing,
    append,
    creation,
    parse_checksum,
    parse_metadata,
    state_headers,
    write_metadata,
)

NOW = datetime(2026, 3, 10, tzinfo=UTC)
POST = {"Tus-Resumable": "1.0.0", "Upload-Length": "100"}
PATCH = {"Tus-Resumable": "1.0.0", "Upload-Offset": "40", "Content-Type": "application/offset+octet-stream"}
HALFWAY = Progress(40, 100, NOW + timedelta(hours=1))
LIMITS = Limits(max_bytes=1000, max_open=3)


def status_of(call: Callable[[], object]) -> int | None:
    """The status a call is refused with, or None."""
    try:
        call()
    except UploadRefused as refused:
        return refused.status
    return None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Tus-Resumable": None}, 412),
        ({"Upload-Length": None}, 400),
        ({"Upload-Length": "-1"}, 400),
        ({"Upload-Length": "٣"}, 400),
        ({"Upload-Length": "1e3"}, 400),
        ({"Upload-Length": "9" * 40}, 400),
        ({"Upload-Length": "1001"}, 413),
        ({"Upload-Metadata": "name !!!"}, 400),
        ({"Upload-Metadata": "name eA==,name eA=="}, 400),
        ({"Upload-Metadata": "x" * 9000}, 400),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "text/plain", "Content-Length": "5"}, 415),
        ({"Content-Type": "application/offset+octet-stream", "Content-Length": "101"}, 413),
    ],
)
def test_a_creation_out_of_form_is_refused(change: dict[str, str | None], status: int) -> None:
    headers = {name: value for name, value in {**POST, **change}.items() if value is not None}
    with pytest.raises(UploadRefused) as refused:
        creation(headers, LIMITS, 0)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Tus-Resumable": None}, 412),
        ({"Upload-Offset": None}, 400),
        ({"Upload-Offset": "41"}, 409),
        ({"Upload-Offset": "0"}, 409),
        ({"Upload-Offset": "+40"}, 400),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Content-Encoding": "br"}, 415),
        ({"Content-Length": "61"}, 413),
        ({"Upload-Checksum": "sha1 AAAA"}, 400),
        ({"Upload-Checksum": "md5 AAAA"}, 400),
    ],
)
def test_an_append_out_of_form_is_refused(change: dict[str, str | None], status: int) -> None:
    headers = {name: value for name, value in {**PATCH, **change}.items() if value is not None}
    with pytest.raises(UploadRefused) as refused:
        append(headers, HALFWAY, NOW)
    assert refused.value.status == status


def test_an_append_where_the_upload_stands_may_go_on() -> None:
    decision = append({**PATCH, "Content-Length": "60"}, HALFWAY, NOW)
    assert (decision.offset, decision.room, decision.checksum) == (40, 60, None)


def test_an_expired_upload_is_gone() -> None:
    with pytest.raises(UploadRefused) as refused:
        append(PATCH, HALFWAY, HALFWAY.expires_at)
    assert refused.value.status == 410


def test_too_many_open_uploads_are_refused() -> None:
    with pytest.raises(UploadRefused) as refused:
        creation(POST, LIMITS, 3)
    assert refused.value.status == 429


def test_the_expiry_is_told_while_bytes_are_missing() -> None:
    assert state_headers(HALFWAY)["Upload-Expires"] == "Tue, 10 Mar 2026 01:00:00 GMT"
    assert "Upload-Expires" not in state_headers(Progress(100, 100, NOW))


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.integers(0, 300))
def test_bytes_are_taken_exactly_at_the_offset_and_within_the_length(
    offset: int, more: int, said: int, body: int
) -> None:
    progress = Progress(offset, offset + more, NOW + timedelta(seconds=1))
    headers = {**PATCH, "Upload-Offset": str(said), "Content-Length": str(body)}
    wanted = 409 if said != offset else 413 if body > more else None
    assert status_of(lambda: append(headers, progress, NOW)) == wanted
    if wanted is None:
        assert append(headers, progress, NOW) == Append(offset, more)


_KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=20)


@given(st.dictionaries(_KEYS, st.text(st.characters(exclude_categories=["Cs"]), max_size=50), max_size=8))
def test_metadata_comes_back_as_it_was_written(metadata: dict[str, str]) -> None:
    assert parse_metadata(write_metadata(metadata)) == metadata


@given(st.text(max_size=200))
def test_any_metadata_is_read_or_refused(text: str) -> None:
    assert status_of(lambda: parse_metadata(text)) in (None, 400)


@given(st.text(max_size=100))
def test_any_checksum_is_read_or_refused(text: str) -> None:
    assert status_of(lambda: parse_checksum({"Upload-Checksum": text})) in (None, 400)


def test_metadata_without_a_value_is_an_empty_one() -> None:
    assert parse_metadata("is_confidential, filename eA==") == {"is_confidential": "", "filename": "x"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ChecksumKind.SHA1, bytes.fromhex("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")),
        (ChecksumKind.SHA256, bytes.fromhex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")),
        (ChecksumKind.CRC32, bytes.fromhex("3610a686")),
    ],
)
def test_sums_of_pieces_are_compared(kind: ChecksumKind, value: bytes) -> None:
    checksum = parse_checksum({"Upload-Checksum": f"{kind.value} {base64.b64encode(value).decode()}"})
    assert checksum == Checksum(kind, value)
    right, wrong = Summing(checksum), Summing(checksum)
    for piece in (b"he", b"llo"):
        right.add(piece)
    right.check()
    wrong.add(b"hullo")
    with pytest.raises(UploadRefused) as refused:
        wrong.check()
    assert refused.value.status == 460
