"""The commands about films, as a person starts them."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from teleconsult.cli import cli
from tests.builders import films


def test_teaching_copies_are_made_and_what_has_none_is_named(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.dcm").write_bytes(films.film())
    words = ["deidentify", str(source), str(tmp_path / "out"), "--dates", "shift", "--keep-characteristics"]
    done = CliRunner().invoke(cli, words)
    assert (done.exit_code, done.stdout) == (0, "1 copied, 0 not.\n")
    (source / "b.dcm").write_bytes(films.film(BurnedInAnnotation="YES"))
    done = CliRunner().invoke(cli, [*words[:2], str(tmp_path / "other")])
    assert done.exit_code == 1
    assert "b.dcm: The header says that the picture has text burned in." in done.output


def test_room_is_given_back(tmp_path: Path, monkeypatch: object) -> None:
    done = CliRunner().invoke(cli, ["compact-films", "--grace", "0"], env={"TELECONSULT_DATA_DIR": str(tmp_path)})
    assert done.exit_code == 0, done.output
    assert done.stdout == "0.0 MB freed: 0 packs went, 0 films moved.\n"
    words = ["compact-films", "--grace", "0", "--sweep-days", "7"]
    done = CliRunner().invoke(cli, words, env={"TELECONSULT_DATA_DIR": str(tmp_path)})
    assert done.stdout == "0.0 MB freed: 0 packs went, 0 films moved. On a disk there is nothing to sweep.\n"
