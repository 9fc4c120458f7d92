"""The command line: each command says what it did, or in one line why not, and answers scripts by its status."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest
import requests

from tests.builders.county import County, environment

Run = Callable[..., subprocess.CompletedProcess[str]]
ADMIN = (
    "create-admin",
    "--login",
    "chief",
    "--name",
    "局长",
    "--institution",
    "云川县卫健局",
    "--password",
    "a long sentence",
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("check")` on a data folder of its own."""

    def command(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "teleconsult", *words],
            cwd=tmp_path,
            env=environment(**{"TELECONSULT_DATA_DIR": str(tmp_path / "data"), **more}),
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr of a command that was refused."""
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    return lines[0]


def test_a_new_site_is_made_step_by_step(run: Run) -> None:
    assert run("migrate").returncode == 0
    again = run("migrate")
    assert (again.returncode, "up to date" in again.stdout) == (0, True)
    assert run(*ADMIN).returncode == 0
    token = run("token", "create", "--user", "chief")
    assert token.returncode == 0
    assert len(token.stdout.split()) == 1
    whole = run("verify-audit")
    assert "tampered" not in whole.stdout


def test_what_is_wrong_is_one_line_and_status_two(run: Run, tmp_path: Path) -> None:
    run("migrate")
    assert "nobody" in line(run("token", "create", "--user", "nobody"))
    assert "TELECONSULT_COLOUR" in line(run("check", TELECONSULT_COLOUR="red"))
    assert line(run(*ADMIN[:-1], "short"))
    assert "none.pdf" in line(run("verify-report", str(tmp_path / "none.pdf")))


def test_commands_before_the_first_migration_say_what_to_do(run: Run) -> None:
    for words in (ADMIN, ("token", "create", "--user", "chief"), ("verify-audit",)):
        assert "migrate" in line(run(*words)), words


def test_what_is_no_opinion_is_not_genuine(run: Run, tmp_path: Path) -> None:
    run("migrate")
    blank = pypdf.PdfWriter()
    blank.add_blank_page(100, 100)
    blank.write(tmp_path / "blank.pdf")
    (tmp_path / "noise.pdf").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty.pdf").write_bytes(b"")
    for name in ("blank.pdf", "noise.pdf", "empty.pdf"):
        done = run("verify-report", str(tmp_path / name))
        assert (done.returncode, done.stdout.startswith("NOT genuine")) == (1, True), name
        assert "Traceback" not in done.stderr


def test_the_self_test_tells_what_it_saw(run: Run) -> None:
    run("migrate")
    done = run("check")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    for word in ("数据目录", "磁盘", "密钥", "字体", "备份"):
        assert word in done.stdout


def test_states_are_printed_as_the_program_has_them(run: Run) -> None:
    assert "begin_report" in run("states").stdout
    markdown = run("states", "--markdown").stdout
    kept = Path(__file__).parents[2] / "docs" / "consult-states.md"
    assert markdown.startswith("# ")
    if kept.exists():
        assert kept.read_text() == markdown, "run `make docs`"


def test_nothing_at_all_shows_the_help(run: Run) -> None:
    done = run()
    for command in ("demo", "serve", "migrate", "create-admin", "verify-report"):
        assert command in done.stdout + done.stderr
    assert "child" not in (done.stdout + done.stderr).split()


def test_the_demo_says_one_line_of_json_when_it_is_ready(demo: County) -> None:
    facts = demo.facts
    assert json.loads(json.dumps(facts)) == facts
    for name in ("dicomweb", "uploads"):
        assert facts[name] == f"{demo.url}/{name}"
    assert facts["whip"].endswith("/whip/{room}")
    assert facts["ca"] is None
    assert set(facts["tokens"]) >= {"requester", "specialist", "coordinator", "admin", "patient", "other_requester"}
    assert demo.api("requester").good("GET", f"/api/v1/consults/{facts['samples']['consult']}")["id"]
    assert demo.api("specialist").get(f"/dicomweb/studies/{facts['samples']['study_uid']}/metadata").status_code == 200
    assert demo.process.stdout is not None
    for role in ("requester", "specialist", "coordinator", "admin", "other_requester"):
        session = requests.Session()
        assert session.get(demo.link(role), timeout=30).status_code == 200
        session.close()
