"""What `python -m signaling` is told must fit together; what does not is one line and status 2."""

import subprocess
import sys

import pytest

NODE = ["--redis", "redis://127.0.0.1/0", "--node", "north", "--key-file", "k", "--journal", "j"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--token-file or --redis"),
        (["--redis", "redis://127.0.0.1/0", "--token-file", "t"], "--node"),
        (["--node", "north", "--token-file", "t"], "belong together"),
        ([*NODE[:4]], "--key-file and --journal"),
        ([*NODE, "--token-file", "t"], "either"),
        ([*NODE[:3], "a b", *NODE[4:]], "--node may hold"),
        ([*NODE, "--host", "0.0.0.0"], "--line-url"),  # noqa: S104
    ],
)
def test_words_that_do_not_fit_together_are_refused(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "signaling", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
