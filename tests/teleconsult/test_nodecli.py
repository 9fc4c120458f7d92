"""The commands about media nodes, as an operator starts them."""

from pathlib import Path

from typer.testing import CliRunner

from teleconsult.bridges.agreed import ticket_key
from teleconsult.cli import cli
from teleconsult.config import Settings


def test_the_key_of_a_node_elsewhere_is_written_for_this_user_alone_and_once(tmp_path: Path) -> None:
    file, site = tmp_path / "node.key", {"TELECONSULT_DATA_DIR": str(tmp_path / "data")}
    assert CliRunner().invoke(cli, ["nodes", "key", str(file)], env=site).exit_code == 0
    assert file.read_bytes() == ticket_key(Settings(data_dir=tmp_path / "data"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert CliRunner().invoke(cli, ["nodes", "key", str(file)], env=site).exit_code == 2


def test_where_none_lives_the_list_is_empty_and_none_is_drained(tmp_path: Path) -> None:
    site = {"TELECONSULT_DATA_DIR": str(tmp_path)}
    done = CliRunner().invoke(cli, ["nodes", "list"], env=site)
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
    assert CliRunner().invoke(cli, ["nodes", "drain", "media-7"], env=site).exit_code == 1
