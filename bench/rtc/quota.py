"""Gives processes a part of a core each, so that two of them and their load fit on a machine with two cores."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 10_000
"""Short, so that a process that has used its part up waits for milliseconds only."""


def missing() -> str:
    """Why there can be no quotas here; "" if there can."""
    probe = _folder("bench-probe")
    try:
        probe.mkdir(exist_ok=True)
        probe.rmdir()
    except OSError:
        return "control groups of the processor cannot be written here"
    return ""


@contextlib.contextmanager
def share_of_a_core(name: str, pid: int, share: float) -> Iterator[None]:
    """A process uses no more than this, as long as the context lasts."""
    folder = _folder(f"bench-{name}")
    folder.mkdir(exist_ok=True)
    quota = int(_PERIOD_US * share)
    try:
        if _is_second():
            (folder / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(quota))
        (folder / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder.parent / "cgroup.procs").write_text(str(pid))
        folder.rmdir()


def _is_second() -> bool:
    return (_ROOT / "cgroup.controllers").exists()


def _folder(name: str) -> Path:
    return _ROOT / name if _is_second() else _ROOT / "cpu" / name
