"""The house's walls: imports run one way, and a wall that is broken on purpose is noticed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("teleconsult", "signaling", "dicom_store")
BROKEN = [
    ("dicom_store/query.py", "import teleconsult.clock", "The tool houses never look up at the clinic"),
    ("signaling/tickets.py", "import dicom_store.model", "The tool houses stand alone"),
    ("teleconsult/people/service.py", "import teleconsult.consults.service", "The clinic: top may import below"),
    ("teleconsult/consults/rules.py", "import sqlalchemy", "Rules and states are pure"),
    ("teleconsult/consults/service.py", "import aiohttp", "Services do not speak HTTP"),
    ("signaling/rooms.py", "import aiortc", "Only signaling/media knows aiortc"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold() -> None:
    done = lint(REPOSITORY)
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_wall_that_is_broken_on_purpose_is_named(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package, tmp_path / package, ignore=lambda _, names: [n for n in names if n == "__pycache__"]
        )
    for path, line, _ in BROKEN:
        file = tmp_path / path
        file.write_text(f"{file.read_text()}\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    for path, _, wall in BROKEN:
        found = re.search(re.escape(wall) + r".{0,120}?(KEPT|BROKEN)", told)
        assert found is not None, (wall, told[:3000])
        assert found[1] == "BROKEN", (path, wall)


def test_a_new_room_must_be_placed_before_the_walls_hold(tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package, tmp_path / package, ignore=lambda _, names: [n for n in names if n == "__pycache__"]
        )
    (tmp_path / "teleconsult" / "attic").mkdir()
    (tmp_path / "teleconsult" / "attic" / "__init__.py").write_text('"""A room that nobody placed."""\n')
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "attic" in done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_stay_small(package: str) -> None:
    long = {
        str(path.relative_to(REPOSITORY)): count
        for path in (REPOSITORY / package).rglob("*.py")
        if path.parent.name != "versions"  # a migration is frozen and as long as what it makes
        and (count := len(path.read_text().splitlines())) > 450
    }
    assert long == {}, "split these"
