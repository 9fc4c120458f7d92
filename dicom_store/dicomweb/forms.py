"""In which form data sets are answered: DICOM JSON, or the native model in XML.

Source: DICOM PS3.18 8.7.3.1, 8.7.3.2, 10.6.3.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from aiohttp import web

from dicom_store import nativexml
from dicom_store.archive import Archive
from dicom_store.dicomweb.answers import (
    ATTACHED,
    DICOM_JSON,
    DICOM_XML,
    MULTIPART,
    SAFE,
    Part,
    accepted,
    not_acceptable,
    send_parts,
)
from dicom_store.errors import RequestRefused


class Form(StrEnum):
    """How data sets are written."""

    JSON = "json"
    XML_PARTS = "xml parts"
    XML = "xml"


_JSON_NAMES = {"*/*", "application/*", DICOM_JSON, "application/json"}
_XML_NAMES = {DICOM_XML, "application/xml", "text/xml"}


def form_of(request: web.Request) -> Form:
    """The form that the caller prefers.

    Raises:
        RequestRefused: Neither is wanted.
    """
    kinds = accepted(request)
    for kind in kinds:
        if kind.name in _JSON_NAMES:
            return Form.JSON
        if kind.name in _XML_NAMES:
            return Form.XML
        if kind.name in {MULTIPART, "multipart/*"} and kind.parameters.get("type", DICOM_XML).lower() == DICOM_XML:
            return Form.XML_PARTS
    if kinds:
        raise not_acceptable(f'{DICOM_JSON}, {MULTIPART}; type="{DICOM_XML}"')
    return Form.JSON


def form_or_json(request: web.Request) -> Form:
    """The same, but JSON where neither is wanted: films are not refused for how their answer is to be written."""
    try:
        return form_of(request)
    except RequestRefused:
        return Form.JSON


async def send_data_sets(
    request: web.Request, archive: Archive, form: Form, data_sets: Sequence[bytes], headers: dict[str, str]
) -> web.StreamResponse:
    """Answer data sets.

    Args:
        request: What is answered.
        archive: Lends a thread for XML.
        form: As `form_of` chose it.
        data_sets: Each a DICOM JSON object.
        headers: Beside those that every answer has.
    """
    if form is Form.JSON:
        body = b"[" + b",".join(data_sets) + b"]"
        return web.Response(body=body, content_type=DICOM_JSON, headers={**SAFE, **headers})
    texts = await archive.blobs.run(_to_xml, data_sets)
    if form is Form.XML and len(texts) == 1:
        return web.Response(body=texts[0], content_type=DICOM_XML, headers={**ATTACHED, **headers})
    if not texts:
        return web.Response(status=204, headers={**SAFE, **headers})
    parts = [Part({"Content-Type": DICOM_XML}, len(text), text) for text in texts]
    return await send_parts(request, DICOM_XML, parts, {**ATTACHED, **headers})


def one_data_set(form: Form, data_set: dict[str, Any], status: int) -> web.Response:
    """Answer one data set, which is not wrapped in a list or in parts."""
    if form is Form.JSON:
        body, kind = json.dumps(data_set, ensure_ascii=False).encode(), DICOM_JSON
    else:
        body, kind = nativexml.to_xml(data_set), DICOM_XML
    return web.Response(status=status, body=body, content_type=kind, headers=SAFE)


def _to_xml(data_sets: Sequence[bytes]) -> list[bytes]:
    return [nativexml.json_to_xml(data_set) for data_set in data_sets]
