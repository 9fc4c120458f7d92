"""Both ways of the packet path: in Python, and compiled where this machine can compile."""

import subprocess

import pytest

from signaling.media import compiling


@pytest.fixture(scope="session")
def fanout():
    """The compiled fan-out."""
    module = compiling.load()
    if module is None:
        try:
            compiling.build()
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"the compiled fan-out cannot be built here: {error}")
        module = compiling.load()
    return module


@pytest.fixture(params=["plain", "compiled"])
def compiled(request):
    """Whether the relay of this test uses the compiled fan-out."""
    if request.param == "compiled":
        request.getfixturevalue("fanout")
    return request.param == "compiled"
