"""The conformance statement says what the code does."""

import re
from types import SimpleNamespace

from dicom_store.app import routes
from tools import conformance


def test_the_statement_is_current():
    assert conformance.PAGE.read_text("utf-8") == conformance.text(), "run `make docs`"


def test_every_resource_of_dicomweb_is_named():
    rooms = SimpleNamespace(
        transcode=None, render=None, ahead=None, reception=None, lab_ingest=SimpleNamespace(store=None)
    )
    found = {route.path for route in routes(None, rooms, None, None) if route.path.startswith("/dicomweb")}
    assert {path.replace(":.+", "") for path in found} == set(re.findall(r"`(/dicomweb[^`]*)`", conformance.text()))


def test_every_condition_of_a_search_has_a_level_and_a_keyword():
    for line in re.findall(r"^\| `\([0-9A-F]{4},.*$", conformance.text(), re.MULTILINE):
        assert all(cell.strip() for cell in line.strip("|").split("|"))
