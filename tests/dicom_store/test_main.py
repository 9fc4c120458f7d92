"""The archive alone: a token file opens it, and it stops when told."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dicom_store.__main__ import TokenFile
from dicom_store.errors import NotIdentified
from dicom_store.ports import Action, Credentials
from tests.builders import films

ROOT = Path(__file__).resolve().parents[2]


async def test_tokens_open_what_their_line_says() -> None:
    keeper = TokenFile("# comment\n\nabc east\nxyz west search,read\n")
    caller = await keeper.identify(Credentials("Bearer abc"))
    assert (await keeper.scope(caller, Action.STORE)).store_into == "east"
    reader = await keeper.identify(Credentials("bearer xyz"))
    assert (await keeper.scope(reader, Action.READ)).institutions == {"west"}
    assert (await keeper.scope(reader, Action.STORE)).store_into is None
    for wrong in ("", "Bearer ", "Bearer nope", "Basic abc"):
        with pytest.raises(NotIdentified):
            await keeper.identify(Credentials(wrong))


@pytest.mark.parametrize("text", ["lonely", "token place fly"])
def test_a_bad_line_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        TokenFile(text)


def test_it_runs_stores_and_stops(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("abc east\n")
    command = [sys.executable, "-m", "dicom_store", "--port", "0", "--data", str(tmp_path / "data")]
    server = subprocess.Popen(
        [*command, "--token-file", str(tmp_path / "tokens")], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        film = films.film()
        headers = {"Authorization": "Bearer abc", "Content-Type": "application/dicom"}
        request = urllib.request.Request(f"{url}/studies", film, headers)  # noqa: S310  our own server
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/studies")  # noqa: S310
        assert refused.value.code == 401
        refused.value.close()
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        if server.stdout is not None:
            server.stdout.close()


def test_a_missing_token_file_is_one_clear_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dicom_store", "--data", str(tmp_path), "--token-file", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
