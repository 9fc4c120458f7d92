"""The exchange beside Debian's Janus, in one run: server CPU per forwarded packet, loss, latency, memory.

    python -m bench.relay                      three shapes, three times each, interleaved; median; JSON and RESULTS.md
    python -m bench.relay --pair               one process of ours and two, each with a part of a core: packets a second
    python -m bench.relay --impair             two Chromium pages over bad networks: frames a second
    python -m bench.relay --shape 1x50 --times 1 --seconds 4

Both servers run in a network namespace of the bench's own, because Janus skips loopback interfaces.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import results
from bench.rtc import browser, janus, load, machine, quota
from signaling.media import compiling

_TOKEN = "bench"
_OURS_PORT, _JANUS_PORT, _UDP_PORT = 8190, 8191, 40190


@dataclass(frozen=True)
class Shape:
    """Who publishes and who watches.

    Attributes:
        publishers: (room, publisher).
        viewers: (room, publisher that is watched).
    """

    name: str
    publishers: tuple[tuple[int, int], ...]
    viewers: tuple[tuple[int, int], ...]


def one_to(many: int) -> Shape:
    """A lecture."""
    return Shape(f"1x{many}", ((0, 0),), ((0, 0),) * many)


def mesh(rooms: int, people: int) -> Shape:
    """Consults where everybody sees everybody."""
    publishers = tuple((room, who) for room in range(rooms) for who in range(people))
    viewers = tuple(link for link in publishers for _ in range(people - 1))
    return Shape(f"{rooms}x{people}mesh", publishers, viewers)


_SHARE = 0.1
_TOO_LARGE = one_to(150)
SHAPES = {shape.name: shape for shape in (one_to(50), one_to(150), mesh(6, 4))}


# ---------------------------------------------------------------- servers
@dataclass(frozen=True)
class Server:
    """One that runs."""

    name: str
    pid: int
    door: tuple[str, ...]


@contextmanager
def running(
    name: str, command: list[str], ready_url: str, door: tuple[str, ...], cpu: int | None, *, first: bool = True
) -> Iterator[Server]:
    """Start a server on a core, before all others or among them, wait until it answers, end it."""

    def pin() -> None:
        if first:
            machine.be_first()
        else:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # the only one that quotas hold for
            os.setpriority(os.PRIO_PROCESS, 0, -20)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    process = subprocess.Popen(command, preexec_fn=pin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(ready_url, timeout=1)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit(f"{name} does not start.")
        yield Server(name, process.pid, door)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def ours(
    folder: Path, cpu: int | None, announce: str = "", name: str = "ours", number: int = 0, first: bool = True
) -> Iterator[Server]:
    """`python -m signaling`, with its compiled loops where they are built; named `plain` without them."""
    tokens = folder / "tokens.json"
    tokens.write_text(json.dumps({_TOKEN: {"participant": "bench"}}))
    port = _OURS_PORT + 10 * number
    url = f"http://{machine.HOST}:{port}"
    command = [sys.executable, "-m", "signaling", "--host", machine.HOST, "--port", str(port)]
    command += ["--udp-port", str(_UDP_PORT + number), "--token-file", str(tokens)]
    command += ["--announce", announce] if announce else []
    command += ["--no-compiled"] if name == "plain" else []
    with running(name, command, url + "/nothing", ("standard", url, _TOKEN), cpu, first=first) as server:
        yield server


def plain(folder: Path, cpu: int | None) -> AbstractContextManager[Server]:
    """Ours in Python alone."""
    return ours(folder, cpu, name="plain")


@contextmanager
def theirs(folder: Path, cpu: int | None) -> Iterator[Server]:
    """Janus with its defaults."""
    command = janus.write_configuration(folder, machine.DEVICE, machine.HOST, _JANUS_PORT)
    url = f"http://{machine.HOST}:{_JANUS_PORT}/janus"
    with running("janus", command, url + "/info", ("janus", url), cpu) as server:
        yield server


# ---------------------------------------------------------------- measuring
def measure(
    server: Server, shape: Shape, seconds: float, cpu: int | None, together: Callable[[], object] | None = None
) -> dict[str, float]:
    """Load a server once.

    Args:
        server: Which.
        shape: With what.
        seconds: How long.
        cpu: Core of the load.
        together: Waits until the others that are measured at the same time are as far.
    """
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe(), context.Pipe()]
    tasks = [load.Task(server.door, machine.HOST, cpu, links) for links in (shape.publishers, shape.viewers)]
    processes = []
    try:
        for target, (mine, its), task in zip((load.publish, load.play), pipes, tasks, strict=True):
            process = context.Process(target=target, args=(task, its), daemon=True)
            process.start()
            processes.append(process)
            _expect(mine, process)
        time.sleep(1.5)
        if together is not None:
            together()
        viewers = pipes[1][0]
        viewers.send("begin")
        _expect(viewers, processes[1])
        before, start = machine.cpu_s(server.pid), time.monotonic()
        time.sleep(seconds)
        spent, took = machine.cpu_s(server.pid) - before, time.monotonic() - start
        viewers.send("end")
        counted = _expect(viewers, processes[1])
        memory = machine.pss_mb(server.pid)
        for (mine, _), process in zip(pipes, processes, strict=True):
            mine.send("stop")
            _expect(mine, process)
    finally:
        for process in processes:
            process.join(5)
            process.kill()
    return _figures(counted, spent, took, memory)


def _expect(pipe: Any, process: Any) -> Any:
    for _ in range(600):
        if pipe.poll(0.2):
            return pipe.recv()
        if not process.is_alive():
            sys.exit("A process of the load generator has died.")
    sys.exit("The load generator hangs.")


def _figures(counted: dict[str, Any], spent: float, took: float, memory: float) -> dict[str, float]:
    late = counted["latencies_ns"] or [0]
    return {
        "us_per_packet": 1e6 * spent / max(1, counted["received"]),
        "packets_per_s": counted["received"] / took,
        "loss_percent": 100 * (1 - counted["received"] / max(1, counted["expected"])),
        "starved": counted["starved"],
        "p50_ms": late[len(late) // 2] / 1e6,
        "p99_ms": late[int(len(late) * 0.99)] / 1e6,
        "pss_mb": memory,
        "core_percent": 100 * spent / took,
    }


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}


def compare(names: list[str], times: int, seconds: float) -> dict[str, Any]:
    """Every shape on all servers, turn by turn."""
    servers = (ours, plain, theirs) if compiling.load() else (ours, theirs)
    cores = sorted(os.sched_getaffinity(0))
    server_cpu, load_cpu = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    load_before = os.getloadavg()[0]
    for name in names:
        for _ in range(times):
            for start in servers:
                with tempfile.TemporaryDirectory() as folder, start(Path(folder), server_cpu) as server:
                    figures = measure(server, SHAPES[name], seconds, load_cpu)
                runs.setdefault((name, server.name), []).append(figures)
                print(f"{name:8} {server.name:6} " + _line(figures), file=sys.stderr, flush=True)
    shapes = {}
    for name in names:
        a, b = _median(runs[name, "ours"]), _median(runs[name, "janus"])
        shapes[name] = {"ours": a, "janus": b, "cpu_ratio": round(a["us_per_packet"] / b["us_per_packet"], 3)}
        if (name, "plain") in runs:
            without = shapes[name]["plain"] = _median(runs[name, "plain"])
            shapes[name]["plain_cpu_ratio"] = round(without["us_per_packet"] / b["us_per_packet"], 3)
    busy = [round(load_before, 1), round(os.getloadavg()[0], 1)]
    return {"machine": machine.describe(), "load": busy, "times": times, "seconds": seconds, "shapes": shapes}


def _line(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in figures.items())


# ---------------------------------------------------------------- one process and two
def alone_and_in_pairs(times: int, seconds: float) -> dict[str, Any]:
    """What one process of ours forwards when it can no more, and what two do."""
    cores = sorted(os.sched_getaffinity(0))
    server_cpu, load_cpu = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    runs: dict[int, list[float]] = {1: [], 2: []}
    costs: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(times):
        for many in runs:
            figures = saturated(many, seconds, server_cpu, load_cpu)
            runs[many].append(sum(one["packets_per_s"] for one in figures))
            costs[many] += [one["us_per_packet"] for one in figures]
            print(f"{many} of ours  " + "  |  ".join(_line(one) for one in figures), file=sys.stderr, flush=True)
    one, two = (statistics.median(runs[many]) for many in (1, 2))
    us = [round(statistics.median(costs[many]), 2) for many in (1, 2)]
    found = {"one": round(one), "two": round(two), "ratio": round(two / one, 3), "us_per_packet": us}
    return {**found, "times": times, "seconds": seconds, "machine": machine.describe(), "load": os.getloadavg()[0]}


def saturated(many: int, seconds: float, server_cpu: int | None, load_cpu: int | None) -> list[dict[str, float]]:
    """Each process has a part of the servers' core and a lecture that is too large for it."""
    servers: list[Server] = []
    with ExitStack() as stack, ThreadPoolExecutor(many) as threads:
        for number in range(many):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            servers.append(stack.enter_context(ours(folder, server_cpu, number=number, first=False)))

        def limit() -> None:
            for number, server in enumerate(servers):
                stack.enter_context(quota.share_of_a_core(f"ours-{number}", server.pid, _SHARE))
            time.sleep(1.0)

        barrier = threading.Barrier(many, limit)  # everybody is connected: from now on there is too much to do
        turn = threading.Lock()

        def connected() -> None:
            turn.release()
            barrier.wait()

        def load_one(server: Server) -> dict[str, float]:
            turn.acquire()  # one after the other: handshakes need the processor too
            return measure(server, _TOO_LARGE, seconds, load_cpu, connected)

        return list(threads.map(load_one, servers))


# ---------------------------------------------------------------- telling
def _write_pair(found: dict[str, Any]) -> None:
    us = found["us_per_packet"]
    text = (
        f"`python -m signaling` with {_SHARE:.0%} of one core a process (control groups), and for each a lecture of 1 "
        f"to {len(_TOO_LARGE.viewers)}, more than it can carry: packets that reach viewers in a second, median of "
        f"{found['times']} interleaved runs of {found['seconds']:.0f} s. The processes share one core and the load has "
        "the other, so that all of it fits on two cores: what is measured is that they do not stand in each other's "
        f"way, not a machine's whole capacity. {found['machine']}, load {found['load']:.1f}.\n\n"
        "| | one process | two | ratio | aim |\n|---|---|---|---|---|\n"
        f"| packets/s | {found['one']} | {found['two']} | **{found['ratio']:.2f}** | nearly 2 |\n"
        f"| µs of processor a packet | {us[0]} | {us[1]} | {us[1] / us[0]:.2f} | 1 |"
    )
    results.keep("One media process and two", text)


def _write_comparison(found: dict[str, Any]) -> None:
    rows = [
        f"| {name} | **{one['cpu_ratio']:.2f}** "
        f"| {one.get('plain_cpu_ratio', one['cpu_ratio']):.2f} "
        f"| {one['ours']['us_per_packet']:.1f} / {one['janus']['us_per_packet']:.1f} "
        f"| {one['ours']['loss_percent']:.3f} / {one['janus']['loss_percent']:.3f} "
        f"| {one['ours']['p50_ms']:.2f} / {one['janus']['p50_ms']:.2f} "
        f"| {one['ours']['p99_ms']:.2f} / {one['janus']['p99_ms']:.2f} "
        f"| {one['ours']['pss_mb']:.0f} / {one['janus']['pss_mb']:.0f} |"
        for name, one in found["shapes"].items()
    ]
    text = (
        f"Ours / Janus 1.1.2 (Debian, default event loops), median of {found['times']} interleaved runs of "
        f"{found['seconds']:.0f} s, server on one core, load on the other, both before all other processes. "
        f"{found['machine']}. {_busy(found['load'])}\n\n"
        "| shape | CPU per forwarded packet, ratio | in Python alone | µs | loss % | p50 ms | p99 ms | PSS MB |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(rows)
    )
    results.keep("Relay beside Janus", text)


def _busy(load: list[float]) -> str:
    said = f"Load of the machine at the beginning and the end: {load[0]} and {load[1]}."
    if max(load) < 2 * (os.cpu_count() or 1):
        return said
    return said + " **Others worked on both cores meanwhile**: caches are cold, ratios move by a tenth and more."


def _write_one_weak(found: dict[str, Any]) -> None:
    one = found["one_weak"]
    rows = [
        f"| {who} | {told['fps']:.1f} (least {told['least_fps']}) | {aim} | {told['width']} of 640 | {told['kbps']} "
        f"| {told['freezes']} | {told['concealed_percent']:.1f} |"
        for who, aim, told in (("the other", "≥ 19, full width", one["other"]), ("150 kbit/s", "≥ 10", one["weak"]))
    ]
    text = (
        f"Three Chromium pages ({found['browser']}): one sends its fake camera, two watch, one of them by a link of "
        f"150 kbit/s with a queue of 400 ms. From 12 s after the weak one came. {machine.describe()}. "
        f"Load of the machine: {os.getloadavg()[0]:.1f}. The sender was told: {one['steps']}.\n\n"
        "| viewer | frames decoded a second | aim | width | kbit/s | freezes | voice concealed % |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(rows)
    )
    results.keep("Relay, one weak viewer of two", text)


def _write_impairment(found: dict[str, Any]) -> None:
    if "one_weak" in found:
        _write_one_weak(found)
    if not found["links"]:
        return
    rows = [
        f"| {name} | {one['fps']:.1f} | {one['aim']} | {one['concealed_percent']:.1f} | {one['note']} |"
        for name, one in found["links"].items()
    ]
    text = (
        f"Two Chromium pages ({found['browser']}), fake camera 640x480 at 20 fps, both behind the same kind of link, "
        f"each way. {machine.describe()}.\n\n"
        "| link | frames decoded a second | aim | voice concealed % | |\n|---|---|---|---|---|\n" + "\n".join(rows)
    )
    results.keep("Relay over bad networks", text)


def main() -> int:
    """Run."""
    words = argparse.ArgumentParser(prog="python -m bench.relay", description=__doc__.split("\n")[0])
    words.add_argument("--shape", action="append", choices=sorted(SHAPES), help="only this one (repeatable)")
    words.add_argument("--times", type=int, default=3)
    words.add_argument("--seconds", type=float, default=8)
    words.add_argument("--pair", action="store_true", help="one process of ours, and two")
    words.add_argument("--impair", action="store_true", help="through Chromium over bad networks")
    words.add_argument("--link", action="append", help="only this bad network (repeatable)")
    words.add_argument("--dry", action="store_true", help="print only; leave RESULTS.md alone")
    needs = browser.missing if "--impair" in sys.argv else quota.missing if "--pair" in sys.argv else janus.missing
    reason = machine.missing_namespace() or needs()
    if reason:
        print(f"bench relay: skipped, because {reason}.")
        return 0
    status = machine.within_namespace("bench.relay", sys.argv[1:] if "--within-namespace" not in sys.argv else sys.argv)
    if status is not None:
        return status
    given = words.parse_args()
    machine.be_first()
    if given.impair:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(
                browser.over_bad_networks(
                    lambda announce: ours(Path(folder), None, announce), given.link, given.seconds
                )
            )
    elif given.pair:
        found = alone_and_in_pairs(given.times, given.seconds)
    else:
        found = compare(given.shape or list(SHAPES), given.times, given.seconds)
    print(json.dumps(found, indent=1))
    if not given.dry:
        (_write_impairment if given.impair else _write_pair if given.pair else _write_comparison)(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
