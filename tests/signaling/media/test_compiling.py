"""The compiled fan-out is built where that can be, and nothing fails where it cannot."""

import shutil
import sysconfig
from pathlib import Path

import pytest

from signaling.media import compiling


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """As if the sources lay in a folder of this test's own."""
    for name in ("fanout.h", "fanout.c", "flows.c"):
        shutil.copy(Path(compiling.__file__).with_name(name), tmp_path)
    monkeypatch.setattr(compiling, "_HERE", tmp_path)
    return tmp_path


def test_what_is_built_loads_and_older_ones_go(fanout, elsewhere):
    (elsewhere / "_fanout.0123456789abcdef.so").write_bytes(b"old")
    assert compiling.load() is None
    assert compiling.main() == 0
    assert list(elsewhere.glob("*.so")) == [compiling.built()]
    assert compiling.load().lib.fanout_copy
    assert not list(elsewhere.glob(".*"))


def test_one_that_was_built_from_another_source_is_not_loaded(fanout, elsewhere):
    compiling.build()
    with (elsewhere / "fanout.c").open("a") as source:
        source.write("/* changed */\n")
    assert compiling.load() is None


def test_without_a_compiler_nothing_fails_and_the_reason_is_said(elsewhere, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(elsewhere))
    assert compiling.main() == 0
    assert "runs without its compiled fan-out" in capsys.readouterr().err
    assert compiling.load() is None


def test_without_pythons_headers_nothing_fails(elsewhere, monkeypatch, capsys):
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(elsewhere / "nowhere"))
    assert compiling.main() == 0
    assert "No such file" in capsys.readouterr().err
    assert compiling.load() is None


def test_a_library_that_does_not_load_is_as_good_as_none(elsewhere):
    compiling.built().write_bytes(b"\x7fELF and nothing behind it")
    assert compiling.load() is None


def test_a_folder_that_cannot_be_written_is_no_error(fanout, elsewhere, monkeypatch, capsys):
    monkeypatch.setattr(compiling, "built", lambda: elsewhere / "missing" / "_fanout.so")
    assert compiling.main() == 0
    assert "runs without" in capsys.readouterr().err
