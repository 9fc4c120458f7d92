"""Writes the archive's DICOM conformance statement: `python -m tools.conformance`, or `--check`.

What can be read from the code is read from it: resources, attributes, transfer syntaxes, SOP classes, failure reasons.
The rest stands here as text.
"""

import argparse
import ast
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID, AllTransferSyntaxes, MPEGTransferSyntaxes

import dicom_store
from dicom_store import charsets, description, dictionary, elements, query
from dicom_store.config import ArchiveSettings
from dicom_store.dicomweb import composing, looks, media, qido, rendered, stow, wado, wadouri
from dicom_store.dimse import listener
from dicom_store.model import Level
from dicom_store.render import extra, header, look, transcoded
from dicom_store.storage import matching

PAGE = Path(__file__).resolve().parent.parent / "docs" / "dicom-conformance.md"
PACKAGE = Path(dicom_store.__file__).parent
_REASONS = {
    0x0111: "the SOP Instance UID is here with other bytes",
    0x0122: "the kind of data is not taken",
    0xA700: "out of resources, or too large",
    0xA900: "identifiers are missing, or do not fit the address",
    0xC000: "cannot be understood",
}


def text() -> str:
    """The whole statement, in Markdown."""
    parts = [_head(), _resources(), _store(), _search(), _retrieve(), _rendered(), _network(), _charsets(), _limits()]
    return "\n\n".join(map(_filled, "\n\n".join(parts).split("\n\n"))) + "\n"


def _filled(block: str) -> str:
    """A paragraph in lines of one length; tables and headings as they are."""
    block = block.strip()
    return block if block.startswith(("|", "#")) else textwrap.fill(block, 120, break_long_words=False)


def _head() -> str:
    return """# DICOM conformance statement

Written by `make docs` from the code (`tools/conformance.py`); a test fails when it is not current.

The archive keeps every composite instance byte for byte as it was received, preamble included, and gives it back so.
It is a storage SCP, a query/retrieve SCP, a storage SCU for C-MOVE, and an origin server of DICOMweb (PS3.18: Studies
service, and WADO-URI). It never coerces attributes: what the index and JSON add (UIDs for films without study or
series, texts as UTF-8) is not written into the film. Instances are kept by institution: the same UID at another
institution is another film. Every read is written to the audit before its first byte leaves."""


def _resources() -> str:
    none = cast("Any", None)
    routes = [
        *stow.routes(none, none, none),
        *qido.routes(none, none, none),
        *wado.routes(none, none, none, none),
        *rendered.routes(none, none, none, none, none),
        *wadouri.routes(none, none, none, none, none),
    ]
    rows = sorted(
        (route.path.replace(":.+", ""), route.method, str(cast("Any", route.handler).permission)) for route in routes
    )  # fmt: skip
    return "## DICOMweb resources\n\n" + _table(
        ("method", "resource", "right"), ((f"`{method}`", f"`{path}`", right) for path, method, right in rows)
    )


def _store() -> str:
    reasons = sorted(_failure_reasons())
    unknown = [reason for reason in reasons if reason not in _REASONS]
    if unknown:
        raise SystemExit(f"say in tools/conformance.py what these failure reasons mean: {unknown}")
    kinds = sorted({*media.TYPES, "image/jpeg", "application/octet-stream"})
    return f"""## Storing (STOW-RS)

Every SOP class and every transfer syntax is taken. Bodies: `application/dicom`; `multipart/related` of
`application/dicom`; `multipart/related` of `{composing.DICOM_JSON}` or `{composing.DICOM_XML}` with bulk data.

Of metadata and bulk data a film in explicit VR little endian, or in the pixels' own compression, is made, with texts in
UTF-8. Bulk data are found by Content-Location among the parts of the request and never fetched from elsewhere. Pixel
data may be {_words(kinds)}; several parts of one address are frames. What a JPEG, JPEG 2000, JPEG-LS or MP4 says of its
shape is added where the metadata leave it out. Other bulk data (PDF, CDA, waveforms) are taken as they are.

The answer is 200 (all kept), 202 (some) or 409 (none), as JSON or XML, each refusal with a Failure Reason and a
sentence (0000,0902) in the language of the request. The same bytes again are a success and no second film.

""" + _table(("failure reason", "meaning"), ((f"`{reason:04X}`", _REASONS[reason]) for reason in reasons))


def _failure_reasons() -> set[int]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "failure_reason" and isinstance(node.value, ast.Constant):
                found.add(int(cast("int", node.value.value)))
    return found


def _search() -> str:
    where = {
        **dict.fromkeys((*matching.STUDY_COLUMNS, matching.PATIENT_NAME, matching.MODALITIES_IN_STUDY), Level.STUDY),
        **dict.fromkeys(matching.SERIES_COLUMNS, Level.SERIES),
        **dict.fromkeys(matching.INSTANCE_COLUMNS, Level.INSTANCE),
    }
    matched = [
        (f"`({tag >> 16:04X},{tag & 0xFFFF:04X})`", dictionary.keyword_of(tag), dictionary.vr_of(tag) or "", where[tag])
        for tag in sorted(query.MATCHABLE)
    ]
    answered = [
        (level, _keywords(always), _keywords(more))
        for level, always, more in (
            ("study", description.STUDY_ANSWER, description.STUDY_EXTRA),
            ("series", description.SERIES_ANSWER, description.SERIES_EXTRA),
            ("instance", (*description.INSTANCE_ANSWER, *description.INSTANCE_EXTRA), ()),
        )
    ]
    return f"""## Searching (QIDO-RS, C-FIND)

Matching: single value, wildcard (`*`, `?`), range of dates and times, list of UIDs (by comma or backslash), universal.
Texts are compared without regard to case and width. `fuzzymatching=true` finds a patient's name by the starts of its
words, Chinese names also by pinyin; other names are then matched literally, which a Warning header says. Attributes
that are not searched by are left aside with a Warning. `limit` is {query.DEFAULT_LIMIT} unless said, at most
{query.MAX_LIMIT}; a Warning says when there are more. `includefield` takes keywords, tags and `all`; of instances every
attribute can be had. Answers are JSON or XML, and an empty search is 200 with `[]`.

{_table(("attribute", "keyword", "VR", "level"), matched)}

{_table(("level", "always answered", "with includefield"), answered)}"""


def _retrieve() -> str:
    targets = [f"{UID(target).name} (`{target}`)" for target in transcoded.TARGETS]
    rows = [
        (f"`{syntax}`", syntax.name, "yes", "yes" if _shown(syntax) else "no", "yes" if _decoded(syntax) else "no")
        for syntax in sorted({*AllTransferSyntaxes, *extra.BEYOND_PYDICOM}, key=lambda one: _order(one))
    ]
    return f"""## Retrieving (WADO-RS, WADO-URI, C-GET, C-MOVE)

Films go out as they were received unless Accept asks for another transfer syntax: {" or ".join(targets)}. Both are
without loss to the decoded values. In a series of which a film cannot be decoded, that film goes out as it is stored,
and its part says so; alone it is 406. Frames of native pixels are little endian. ETag is known by every resource, Range
by single films, bulk data, videos and documents. Metadata are JSON or XML; long values are named by BulkDataURI.

{_table(("transfer syntax", "name", "kept", "shown", "transcoded"), rows)}"""


def _order(syntax: UID) -> list[int]:
    return [int(part) for part in syntax.split(".")]


def _decoded(syntax: UID) -> bool:
    if syntax in MPEGTransferSyntaxes:
        return False
    if extra.decodes(syntax):
        return True
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _shown(syntax: UID) -> bool:
    return _decoded(syntax) or syntax in MPEGTransferSyntaxes


def _rendered() -> str:
    presets = ", ".join(
        f"`{name}` ({preset.centre:g}/{preset.width:g})" for name, preset in sorted(looks.PRESETS.items())
    )
    return f"""## Pictures (rendered, thumbnail)

{_words(kind.value for kind in look.PictureKind)}, single or as parts of a `multipart/related`, of studies, series,
instances and frames; `application/pdf` of encapsulated PDF and `video/mp4` of videos. At most {rendered.MAX_PICTURES}
pictures an answer, {look.MAX_EDGE_PX} pixels an edge, {header.MAX_PIXELS >> 20} million pixels a frame.

Query: `window=centre,width,function` ({_words(f.value for f in look.WindowFunction)}) or a name: {presets}; `viewport`
with part and mirroring; `quality`; `accept`. Shown are: modality LUT and rescale, VOI LUT and windows, functional
groups, MONOCHROME1, presentation LUT shape, palettes (also segmented and supplemental), YBR, planar configuration,
pixels that are not square, overlays. What cannot be shown for certain is 406, and kept."""


def _network() -> str:
    offered = [(f"`{context.abstract_syntax}`", UID(str(context.abstract_syntax)).name) for context in _contexts()]
    return f"""## Network (DIMSE)

Storage SCP of every storage SOP class in every transfer syntax. Called AE titles other than ours and calling stations
that are not registered are refused. C-MOVE sends to registered stations only. TLS by setting.

{_table(("SOP class", "name"), sorted(offered))}"""


def _contexts() -> Iterable[Any]:
    return listener._contexts()  # noqa: SLF001  (what the listener offers, and nobody else needs to ask)


def _charsets() -> str:
    terms = sorted({*charsets.LATIN, *charsets.WHOLE} - {""})
    return f"""## Character sets

Read: {_words(f"`{term}`" for term in terms)}, and every term of code extensions (ISO 2022) that PS3.3 C.12.1.1.2
defines, among them `ISO 2022 IR 58`, `IR 87`, `IR 149` and `IR 159`. Where bytes do not fit the label (GBK under
`ISO_IR 100` is common) they are read as what they are, and the film is flagged `charset_guessed`. Answers are always
UTF-8 (`ISO_IR 192`); the film's own bytes stay."""


def _limits() -> str:
    defaults = {name: field.default for name, field in ArchiveSettings.__dataclass_fields__.items()}
    rows = [
        ("largest film", f"{defaults['max_film_bytes'] >> 20} MiB"),
        ("largest STOW-RS request", f"{defaults['max_request_bytes'] >> 20} MiB"),
        ("films in one STOW-RS request", defaults["max_parts"]),
        ("metadata of one request", f"{composing.MAX_METADATA_BYTES >> 20} MiB"),
        ("film made of metadata and bulk data", f"{composing.MAX_FILM_BYTES >> 20} MiB"),
        ("depth of sequences", elements.MAX_DEPTH),
        ("elements of a film", f"{elements.MAX_ELEMENTS:,}"),
        ("conditions of a search", query.MAX_CONDITIONS),
        ("UIDs of a list", query.MAX_VALUES),
    ]
    return "## Limits\n\n" + _table(("what", "most"), rows)


def _keywords(tags: Iterable[int]) -> str:
    return ", ".join(dictionary.keyword_of(tag) for tag in sorted(tags))


def _words(words: Iterable[str]) -> str:
    listed = list(words)
    return ", ".join(listed[:-1]) + f" and {listed[-1]}" if len(listed) > 1 else "".join(listed)


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines: Iterator[tuple[Any, ...]] = iter((head, ("---",) * len(head), *rows))
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def main() -> int:
    """Write the page, or say whether it is current."""
    parser = argparse.ArgumentParser(prog="python -m tools.conformance", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is current")
    if not parser.parse_args().check:
        PAGE.write_text(text(), "utf-8")
        return 0
    current = PAGE.exists() and PAGE.read_text("utf-8") == text()
    if not current:
        sys.stderr.write("docs/dicom-conformance.md is not current: run `make docs`\n")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
