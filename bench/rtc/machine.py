"""What a bench needs of the machine: a network of its own, a server's CPU time and memory."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

DEVICE, HOST = "bench0", "10.77.5.1"
_WITHIN = "--within-namespace"


def missing_namespace() -> str:
    """Why there can be no network namespace here; "" if there can."""
    for tool in ("unshare", "ip"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (Debian: util-linux, iproute2)"
    done = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "a network namespace needs root here"


def within_namespace(module: str, words: list[str]) -> int | None:
    """Run the module again in a network namespace that ends with it.

    Returns:
        Its exit status, or None inside: then there is a veth pair with the address `HOST` on `DEVICE`.
    """
    if _WITHIN not in words:
        return subprocess.run(
            ["unshare", "--net", sys.executable, "-m", module, *words, _WITHIN], check=False
        ).returncode
    for command in (
        "ip link set lo up",
        f"ip link add {DEVICE} type veth peer name bench1",
        f"ip addr add {HOST}/24 dev {DEVICE}",
        f"ip link set {DEVICE} up",
        "ip link set bench1 up",
        f"ip route add default dev {DEVICE}",
    ):
        subprocess.run(command.split(), check=True)
    words.remove(_WITHIN)
    return None


def be_first() -> None:
    """Both servers and the load go before whatever else this machine does, where that is allowed."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))  # they use a part of a core each and block nobody


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, all threads, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def pss_mb(pid: int) -> float:
    """Memory of a process, shared pages divided among their users."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def describe() -> str:
    """The machine, for the record."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    kernel = platform.release().split("-")[0]
    return f"{os.cpu_count()} cores ({model}), Linux {kernel}, Python {platform.python_version()}"
