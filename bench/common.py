"""What every bench needs: free ports, children that end, figures of process trees, medians, tables.

A bench compares with a peer in one run on one machine: only ratios are kept as promises, absolute figures are printed
beside them. Nothing here knows what is measured.
"""

import contextlib
import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A TCP port of the loopback that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A child for the time of the context; it and what it started are ended afterwards."""
    child = subprocess.Popen(command, text=True, start_new_session=True, **more)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def answers(port: int, seconds: float = 60) -> None:
    """Wait until somebody listens on a port of the loopback."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for process in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{process}/task").iterdir():
                text = (task / "children").read_text()
                found += [int(word) for word in text.split() if int(word) not in found]
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a tree so far."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(word) for word in words[11:13])
    return total / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> dict[str, float]:
    """Memory of a tree: `pss` shares what is shared fairly, `rss` of the first process alone."""
    pss = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            pss += _kb(Path(f"/proc/{process}/smaps_rollup").read_text(), "Pss")
    return {"pss": pss / 1024, "rss": _kb(Path(f"/proc/{pid}/status").read_text(), "VmRSS") / 1024}


def _kb(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def median(values: Iterable[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def machine() -> str:
    """What the figures were measured on."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), Python {platform.python_version()}"


def package_version(name: str) -> str:
    """Version of a Debian package, "" where it is not installed."""
    try:
        asked = ["dpkg-query", "-W", "-f", "${Version}", name]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table; the first is the heading."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
