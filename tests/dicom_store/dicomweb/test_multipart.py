"""The multipart scanner finds the same parts however the body is cut into pieces, and holds its limits."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_store.dicomweb.multipart import (
    PartBegun,
    PartData,
    Scanner,
    body_end,
    boundary_of,
    media_type,
    part_head,
)
from dicom_store.errors import RequestRefused


def scan(body: bytes, cuts: list[int], boundary: bytes = b"b") -> list[tuple[dict[str, str], bytes]]:
    scanner = Scanner(boundary, 100)
    parts: list[tuple[dict[str, str], bytearray]] = []
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        for event in scanner.feed(body[start:end]):
            if isinstance(event, PartBegun):
                parts.append((event.headers, bytearray()))
            elif isinstance(event, PartData):
                parts[-1][1].extend(event.data)
    scanner.finish()
    return [(headers, bytes(data)) for headers, data in parts]


def body_of(parts: list[bytes]) -> bytes:
    heads = [part_head("b", {"Content-Type": "application/dicom"}, first=number == 0) for number in range(len(parts))]
    return b"".join(head + part for head, part in zip(heads, parts, strict=True)) + body_end("b")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"\r\n--", b"\r\n-", b"--b-", b"\r\n\r\n", b"\r"]))),
    st.lists(st.integers(0, 10_000)),
)
def test_parts_come_back_however_the_body_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    parts = [part for part in parts if b"\r\n--b" not in b"\r\n" + part]
    if not parts:
        return
    found = scan(body_of(parts), cuts)
    assert [data for _, data in found] == parts
    assert all(headers == {"content-type": "application/dicom"} for headers, _ in found)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000)))
def test_noise_is_scanned_or_refused_never_anything_else(noise: bytes, cuts: list[int]) -> None:
    for body in (noise, b"--b\r\n" + noise, b"--b\r\nA: b\r\n\r\n" + noise):
        with contextlib.suppress(RequestRefused):
            scan(body, cuts)


def test_a_part_without_headers_is_a_part() -> None:
    assert scan(b"--b\r\n\r\nfilm\r\n--b--", [3, 5, 7]) == [({}, b"film")]


def test_what_stands_before_and_after_the_parts_is_no_part() -> None:
    assert scan(b"hello\r\n--b\r\n\r\nfilm\r\n--b--\r\nbye", []) == [({}, b"film")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"--b\r\n\r\nfilm", "truncated"),
        (b"", "truncated"),
        (b"--bX\r\n\r\nfilm\r\n--b--", "bad_multipart"),
        (b"--b\r\nno colon\r\n\r\nfilm\r\n--b--", "bad_multipart"),
        (b"--b\r\n" + b"A: " + b"x" * 9000 + b"\r\n\r\n", "bad_multipart"),
        (b"--b\r\n" + b"A: b\r\n" * 40 + b"\r\nfilm\r\n--b--", "bad_multipart"),
        (b"--b\r\n\r\n\r\n" * 200, "too_many_parts"),
    ],
)
def test_what_is_not_multipart_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        scan(body, [10, 20])
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "boundary"),
    [
        ("multipart/related; boundary=abc", b"abc"),
        ('multipart/related; type="application/dicom"; boundary="a b"', b"a b"),
        ("multipart/related;BOUNDARY=abc;type=application/dicom", b"abc"),
    ],
)
def test_boundaries_are_read_with_and_without_quotes(text: str, boundary: bytes) -> None:
    assert boundary_of(text) == boundary


@pytest.mark.parametrize("text", ["multipart/related", "multipart/related; boundary=", 'x; boundary="\x00"'])
def test_a_missing_boundary_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused):
        boundary_of(text)


def test_a_media_type_keeps_its_parameters() -> None:
    kind = media_type('multipart/related; type="application/octet-stream"; transfer-syntax=*')
    assert kind.name == "multipart/related"
    assert kind.parameters == {"type": "application/octet-stream", "transfer-syntax": "*"}
