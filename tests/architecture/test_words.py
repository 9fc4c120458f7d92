"""What stands in the repository: texts for people in every language, and nothing of the machine it was written on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

REPOSITORY = Path(__file__).parents[2]
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(?:home/\w+|Users/\w+|root|work)/[\w.]"),
    "a private registry": re.compile(r"https?://[\w.-]*(?:artifactory|nexus|devpi|verdaccio)[\w./-]*", re.IGNORECASE),
    "a private key": re.compile(r"-----BEGIN (?:RSA |EC |)PRIVATE KEY-----"),
    "a merge that was not finished": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".html",
    ".ts",
    ".mjs",
    ".css",
    ".json",
    ".yaml",
    ".yml",
    ".sh",
    ".lock",
    ".typ",
    ".po",
    "",
}


def kept_files() -> list[Path]:
    """What git keeps; in an unpacked archive without git, nothing."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("This is no git checkout.")
    paths = (REPOSITORY / name for name in done.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file() and path.suffix in TEXT]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_of_the_machine_is_kept(what: str) -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}: {match[0]}"
        for path in kept_files()
        if path != Path(__file__)
        for match in FORBIDDEN[what].finditer(path.read_text(errors="ignore"))
    ]
    assert found == []


def test_every_catalogue_has_every_text() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.catalogues", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_no_chinese_text_is_its_english_original() -> None:
    """A translation that was forgotten by copying. Units, abbreviations and names may be the same."""
    with (REPOSITORY / "web" / "locale" / "zh_CN" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file)
    same = [
        message.id
        for message in catalogue
        if message.id and isinstance(message.id, str) and message.string == message.id and len(message.id.split()) > 2
    ]
    assert same == []
