"""A county is backed up while it is written to, put back into an empty folder, and everything acknowledged is there."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from tests.builders import films
from tests.builders.county import Api, County, environment, start
from tests.services import new_database

FILMS_BEFORE, LEAST_DURING = 20, 5


def command(data: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    more = {f"TELECONSULT_{name}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "teleconsult", *words],
        env=environment(TELECONSULT_DATA_DIR=str(data), **more),
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def store(api: Api, content: bytes) -> bool:
    body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--x--\r\n"
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    return api.call("POST", "/dicomweb/studies", headers=kind, data=body).status_code == 200


def read(api: Api, content: bytes) -> requests.Response:
    study, series, instance = films.uids(content)
    return api.get(f"/dicomweb/studies/{study}/series/{series}/instances/{instance}")


class Writers:
    """Somebody stores films and somebody writes messages, all the time."""

    def __init__(self, house: County) -> None:
        self._api = house.api("requester")
        self._consult = house.facts["samples"]["consult"]
        self._stop = threading.Event()
        self.films: list[bytes] = []
        self.messages: list[str] = []
        self._threads = [threading.Thread(target=work) for work in (self._films, self._messages)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def _films(self) -> None:
        while not self._stop.is_set():
            content = films.film(64)
            if store(self._api, content):
                self.films.append(content)

    def _messages(self) -> None:
        while not self._stop.is_set():
            text = f"第 {len(self.messages)} 条"
            if self._api.post(f"/api/v1/consults/{self._consult}/messages", {"text": text}).ok:
                self.messages.append(text)
            self._stop.wait(0.05)


def texts(api: Api, consult: str) -> str:
    answer = api.get(f"/api/v1/consults/{consult}/messages")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.journey
def test_a_county_that_was_backed_up_while_it_worked_is_put_back_whole(county: Path, tmp_path: Path) -> None:
    house = start(county, tmp_path / "data")
    kept, restored = tmp_path / "backup", tmp_path / "again"
    try:
        api, consult = house.api("requester"), house.facts["samples"]["consult"]
        before = [films.film(96) for _ in range(FILMS_BEFORE)]
        assert all(store(api, content) for content in before)
        recording = house.data / "recordings" / f"{'0' * 32}.webm.sealed"
        recording.parent.mkdir(exist_ok=True)
        recording.write_bytes(b"sealed")
        with Writers(house) as writers:
            while len(writers.films) < LEAST_DURING:
                assert writers._threads[0].is_alive()
            told, said = list(writers.films), list(writers.messages)
            made = command(house.data, "backup", str(kept), "--verify")
        assert made.returncode == 0, made.stderr
        assert "is whole" in made.stdout
        assert "key is NOT in it" in made.stdout
    finally:
        house.stop()
    assert not (kept / "secret.key").exists()
    without = command(restored, "restore", str(kept))
    assert (without.returncode, "key is needed" in without.stderr) == (2, True), without.stderr

    restored.mkdir(exist_ok=True)
    shutil.copy(house.data / "secret.key", restored / "secret.key")
    assert command(restored, "restore", str(kept)).returncode == 0
    assert (restored / "recordings" / recording.name).read_bytes() == b"sealed"
    audit = command(restored, "verify-audit")
    assert (audit.returncode, "The audit is whole." in audit.stdout) == (0, True), audit.stdout
    again = start(restored, tmp_path / "run")
    try:
        api = again.api("requester")
        for content in before + told:
            answer = read(api, content)
            assert answer.status_code == 200
            assert content in answer.content
        held = texts(api, consult)
        assert all(text in held for text in said)
        for content in writers.films[len(told) :]:  # during the backup: in it whole, or not at all
            answer = read(api, content)
            assert answer.status_code == 404 or content in answer.content
        assert store(api, films.film(64)), "the site works on"
    finally:
        assert again.stop() == 0


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A new site with an administrator."""
    data = tmp_path / "data"
    assert command(data, "migrate").returncode == 0
    words = ["--login", "chief", "--name", "张主任", "--institution", "县医院", "--password"]
    assert command(data, "create-admin", *words, "a long sentence").returncode == 0
    return data


def test_a_changed_byte_in_a_backup_is_noticed(site: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert command(site, "backup", str(kept)).returncode == 0
    whole = command(site, "backup", str(kept), "--verify")
    assert (whole.returncode, "is whole" in whole.stdout) == (0, True)
    content = bytearray((kept / "clinic.db").read_bytes())
    content[len(content) // 2] ^= 1
    (kept / "clinic.db").write_bytes(content)
    changed = command(site, "backup", str(kept), "--verify")
    assert (changed.returncode, "clinic.db" in changed.stderr) == (2, True)
    new = tmp_path / "new"
    new.mkdir()
    shutil.copy(site / "secret.key", new)
    assert command(new, "restore", str(kept)).returncode == 2
    assert {each.name for each in new.iterdir()} == {".restoring", "secret.key"}


def test_a_backup_never_takes_a_place_that_is_taken(site: Path, tmp_path: Path) -> None:
    assert command(site, "backup", str(site / "inside")).returncode == 2
    (tmp_path / "there").mkdir()
    assert command(site, "backup", str(tmp_path / "there")).returncode == 2
    assert list((tmp_path / "there").iterdir()) == []
    kept = tmp_path / "kept"
    assert command(site, "backup", str(kept), "--with-key").returncode == 0
    full = command(site, "restore", str(kept))
    assert (full.returncode, "not empty" in full.stderr) == (2, True)
    new = tmp_path / "new"
    assert command(new, "restore", str(kept)).returncode == 0
    assert (new / "secret.key").read_bytes() == (site / "secret.key").read_bytes()


def test_another_key_is_refused_before_anything_is_put_back(site: Path, tmp_path: Path) -> None:
    kept, new = tmp_path / "kept", tmp_path / "new"
    assert command(site, "backup", str(kept)).returncode == 0
    new.mkdir()
    (new / "secret.key").write_bytes(os.urandom(32))
    refused = command(new, "restore", str(kept))
    assert (refused.returncode, "not the one" in refused.stderr) == (2, True)


@pytest.mark.postgres
def test_a_site_on_postgresql_is_backed_up_and_put_back_into_empty_databases(postgres_url: str, tmp_path: Path) -> None:
    def databases() -> dict[str, str]:
        return {name: asyncio.run(new_database(postgres_url)) for name in ("DATABASE_URL", "ARCHIVE_DATABASE_URL")}

    data, kept, new, cd = tmp_path / "data", tmp_path / "kept", tmp_path / "new", tmp_path / "cd"
    at, then = databases(), databases()
    cd.mkdir()
    for number, content in enumerate(films.ct_series(5)):
        (cd / f"IM{number}").write_bytes(content)
    assert command(data, "migrate", **at).returncode == 0
    words = ["--login", "chief", "--name", "张主任", "--institution", "县医院", "--password"]
    assert command(data, "create-admin", *words, "a long sentence", **at).returncode == 0
    assert command(data, "import", str(cd), "--institution", "县医院", **at).returncode == 0

    made = command(data, "backup", str(kept), "--verify", "--with-key", **at)
    assert (made.returncode, "is whole" in made.stdout) == (0, True), made.stderr
    onto_sqlite = command(new, "restore", str(kept))
    assert (onto_sqlite.returncode, "PostgreSQL's" in onto_sqlite.stderr) == (2, True), onto_sqlite.stderr
    over_the_old = command(tmp_path / "over", "restore", str(kept), **at)
    assert (over_the_old.returncode, "pg_restore refused" in over_the_old.stderr) == (2, True), over_the_old.stderr
    put_back = command(new, "restore", str(kept), **then)
    assert put_back.returncode == 0, put_back.stderr
    audit = command(new, "verify-audit", **then)
    assert (audit.returncode, "The audit is whole." in audit.stdout) == (0, True), audit.stdout
    again = command(new, "import", str(cd), "--institution", "县医院", **then)
    assert again.stdout.strip() == "0 films taken, 5 were there already, 0 refused."


def test_films_on_a_disk_are_imported_and_an_import_that_runs_again_changes_nothing(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cd" / "A"
    folder.mkdir(parents=True)
    for number, content in enumerate(films.ct_series(5)):
        (folder / f"IM{number}").write_bytes(content)
    (folder / "README.TXT").write_text("not a film")
    (folder.parent / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (tmp_path / "bad.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"nonsense")
    first = command(site, "import", str(folder.parent), "--institution", "县医院")
    assert (first.returncode, first.stdout.strip()) == (0, "5 films taken, 0 were there already, 0 refused.")
    again = command(site, "import", str(folder.parent), str(tmp_path / "bad.dcm"), "--institution", "县医院")
    assert again.returncode == 1
    assert again.stdout.startswith("0 films taken, 5 were there already, 1 refused.")
    assert "bad.dcm" in again.stdout


def test_clocks_that_run_are_printed(county: Path, site: Path) -> None:
    assert "No clock" in command(site, "deadlines").stdout
    lines = command(county, "deadlines").stdout.splitlines()
    assert lines
    assert all(" due " in line for line in lines)
