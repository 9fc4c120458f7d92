"""Our archive beside Debian's Orthanc: `python -m bench.archive [--rows stow,qido…] [--rounds 3] [--dry]`.

Times are measured on the web process of the demo, with rights, audit and encryption on; memory on the archive alone.
Both servers run at once and are asked in turn, round by round; figures are medians of the rounds.
"""

import argparse
import contextlib
import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench import common, results, servers
from bench.films import Mould, Series, SmallStudy, multipart, series_of, small_study
from bench.servers import Server

JSON = "application/dicom+json"
FILMS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'
Figures = dict[str, float]

# Row -> (what is measured, unit, larger is better, the least ratio to the peer).
ROWS: dict[str, tuple[str, str, bool, float]] = {
    "stow.films_s": ("STOW-RS, 20 films of 0.5 MB a request", "films/s", True, 2),
    "stow.cpu_ms": ("STOW-RS, the server's processor time", "ms/film", False, 2),
    "qido.studies_page.p50": ("QIDO-RS, a page of studies", "ms", False, 5),
    "qido.patient_id.p50": ("QIDO-RS, studies by PatientID", "ms", False, 5),
    "qido.name_prefix.p50": ("QIDO-RS, studies by the start of a name", "ms", False, 5),
    "qido.modality_date.p50": ("QIDO-RS, studies by modality and dates", "ms", False, 5),
    "qido.series_of_study.p50": ("QIDO-RS, series of a study", "ms", False, 5),
    "qido.instances_of_series.p50": ("QIDO-RS, films of a series", "ms", False, 5),
    "qido.instance_by_uid.p50": ("QIDO-RS, a film by its UID", "ms", False, 5),
    "qido.instances_page.p50": ("QIDO-RS, a page of 100 films", "ms", False, 5),
    "metadata.p50": ("metadata of a series of 100", "ms", False, 10),
    "series.mb_s": ("WADO-RS, a series of 100, byte for byte", "MB/s", True, 1.2),
    "frame.p50": ("one frame", "ms", False, 2),
    "frames.s": ("100 frames over 6 connections", "s", False, 2),
    "rendered.p50": ("first JPEG of a film, p50", "ms", False, 2),
    "rendered.p99": ("first JPEG of a film, p99", "ms", False, 1),
    "cstore.films_s": ("C-STORE, storescu, one association", "films/s", True, 2),
    "memory.pss_mb": ("memory after 10,000 films and reading series (PSS, all processes)", "MB", False, 1 / 0.6),
    "memory.pictures_mb": ("the same after a picture was made", "MB", False, 0),
    "memory.idle_mb": ("memory when idle after the start (PSS)", "MB", False, 0),
}


# ---------------------------------------------------------------- loading


def send(server: Server, bodies: Sequence[tuple[bytes, str]]) -> None:
    """STOW-RS requests one after the other; every film must be taken."""
    for body, kind in bodies:
        status, answer = server.ask("POST", "/studies", body, Content_Type=kind, Accept=JSON)
        if status != 200:
            raise SystemExit(f"{server.name} answered STOW-RS with {status}: {answer[:200]!r}")


def load_small(server: Server, count: int) -> list[SmallStudy]:
    """The set that is searched: `count` tiny films, 200 a request."""
    mould, known, waiting = Mould(16), [], []
    for place in range(count // 20):
        study, films = small_study(mould, place)
        known.append(study)
        waiting += films
        if len(waiting) >= 200:
            send(server, [multipart(waiting)])
            waiting = []
    if waiting:
        send(server, [multipart(waiting)])
    return known


# ---------------------------------------------------------------- rows


def stow(server: Server, mould: Mould, count: int) -> Figures:
    """Films a second and processor time a film."""
    films = series_of(mould, count).films
    bodies = [multipart(films[start : start + 20]) for start in range(0, count, 20)]
    used, begun = common.cpu_seconds(server.pid), time.perf_counter()
    send(server, bodies)
    took = time.perf_counter() - begun
    return {"stow.films_s": count / took, "stow.cpu_ms": 1e3 * (common.cpu_seconds(server.pid) - used) / count}


def qido(server: Server, known: list[SmallStudy], queries: int) -> Figures:
    """Median time of each kind of search."""
    chance = random.Random(7)

    def one() -> SmallStudy:
        return chance.choice(known)

    def films() -> str:
        study = one()
        return f"/studies/{study.study}/series/{study.series[0]}/instances"

    kinds: dict[str, Callable[[], str]] = {
        "studies_page": lambda: f"/studies?limit=25&offset={chance.randrange(max(1, len(known) - 30))}",
        "patient_id": lambda: f"/studies?PatientID={one().patient}",
        "name_prefix": lambda: f"/studies?limit=25&PatientName={one().name.split('^')[0]}*",
        "modality_date": lambda: "/studies?limit=25&ModalitiesInStudy=CT&StudyDate=20230101-20231231",
        "series_of_study": lambda: f"/studies/{one().study}/series",
        "instances_of_series": films,
        "instance_by_uid": lambda: f"/instances?SOPInstanceUID={one().instance}",
        "instances_page": lambda: f"/instances?limit=100&offset={chance.randrange(20 * len(known) - 200)}",
    }
    return {
        f"qido.{kind}.p50": 1e3 * common.median(timed(server, path, JSON, queries, 5, spend_s=8))
        for kind, path in kinds.items()
    }


def timed(
    server: Server, path: Callable[[], str], accept: str, times: int, warm: int = 0, spend_s: float = 60
) -> list[float]:
    """Seconds of each request after the first `warm`; every one must succeed."""
    found = []
    end = time.perf_counter() + spend_s
    for number in range(times + warm):
        asked, begun = path(), time.perf_counter()
        status, body = server.ask("GET", asked, Accept=accept)
        took = time.perf_counter() - begun
        if status != 200 or body == b"[]":
            raise SystemExit(f"{server.name} answered {asked} with {status}")
        if number >= warm:
            found.append(took)
            if len(found) > 3 and time.perf_counter() > end:
                break
    return found


def wado(server: Server, mould: Mould, series: Series) -> Figures:
    """Metadata, whole series, frames of one series of 100."""
    path = f"/studies/{series.study}/series/{series.series}"
    found = {"metadata.p50": 1e3 * common.median(timed(server, lambda: f"{path}/metadata", JSON, 7, 1))}
    rates = []
    for number in range(4):
        begun = time.perf_counter()
        _, body = server.ask("GET", path, Accept=FILMS)
        if number:
            rates.append(len(body) / 1e6 / (time.perf_counter() - begun))
    sent = {hashlib.sha256(film).digest() for film in series.films}
    parts = body.split(b"--" + body[2 : body.index(b"\r\n")])[1:-1]
    same = sum(hashlib.sha256(part.split(b"\r\n\r\n", 1)[1][:-2]).digest() in sent for part in parts)
    if same != len(series.films):
        raise SystemExit(f"{server.name} gave back {same} of {len(series.films)} films byte for byte")
    found["series.mb_s"] = common.median(rates)
    films: Iterator[str] = iter(series.instances * 3)
    found["frame.p50"] = 1e3 * common.median(
        timed(server, lambda: f"{path}/instances/{next(films)}/frames/1", OCTETS, 80, 5)
    )
    _, body = server.ask("GET", f"{path}/instances/{series.instances[0]}/frames/1", Accept=OCTETS)
    if mould.pixels not in body:
        raise SystemExit(f"{server.name} gave back another frame")
    found["frames.s"] = common.median(_together(server, path, series) for _ in range(2))
    return found


def pictures(server: Server, walked: Sequence[Series]) -> Figures:
    """One JPEG after the other through several series, each film for the first time.

    Among the pictures of one series the p99 would be the slowest: whatever else the machine did for a moment.
    """
    found: list[float] = []
    for series in walked:
        path = f"/studies/{series.study}/series/{series.series}/instances"
        fresh = (f"{path}/{instance}/rendered" for instance in series.instances)
        found += timed(server, partial(next, fresh), "image/jpeg", len(series.instances))
    return {f"rendered.p{round(100 * share)}": 1e3 * common.percentile(found, share) for share in (0.5, 0.99)}


def _together(server: Server, path: str, series: Series) -> float:
    """A viewer that opens a series: seconds for all frames over six connections."""
    waiting, lock = iter(series.instances), threading.Lock()

    def fetch() -> None:
        while True:
            with lock:
                instance = next(waiting, None)
            if instance is None:
                return
            server.ask("GET", f"{path}/instances/{instance}/frames/1", Accept=OCTETS)

    begun = time.perf_counter()
    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


def cstore(server: Server, mould: Mould, count: int) -> Figures:
    """Films a second by dcmtk's storescu over one association."""
    if server.dimse is None or shutil.which("storescu") is None:
        return {}
    port, title = server.dimse
    with tempfile.TemporaryDirectory() as name:
        for number, film in enumerate(series_of(mould, count).films):
            Path(name, f"{number:05d}.dcm").write_bytes(film)
        begun = time.perf_counter()
        command = ["storescu", "-aec", title, "+sd", "127.0.0.1", str(port), name]
        done = subprocess.run(command, capture_output=True, check=False)
        took = time.perf_counter() - begun
    if done.returncode != 0:
        raise SystemExit(f"{server.name} refused C-STORE: {done.stderr[-300:]!r}")
    return {"cstore.films_s": count / took}


def memory(server: Server, known: list[SmallStudy], mould: Mould) -> Figures:
    """After the load: a hundred series are listed and read, and one large one; then the tree is weighed."""
    for study in known[:: max(1, len(known) // 100)]:
        path = f"/studies/{study.study}/series/{study.series[0]}"
        for what, accept in (("/instances", JSON), ("/metadata", JSON), ("", FILMS)):
            server.ask("GET", path + what, Accept=accept)
    large = series_of(mould, 100)
    send(server, [multipart(large.films[start : start + 20]) for start in range(0, 100, 20)])
    for _ in range(3):
        server.ask("GET", f"/studies/{large.study}/series/{large.series}", Accept=FILMS)
    held = common.memory_mb(server.pid)
    server.ask("GET", f"/studies/{large.study}/series/{large.series}/instances/{large.instances[0]}/rendered")
    pictures = common.memory_mb(server.pid)
    return {"memory.pss_mb": held["pss"], "memory.main_rss_mb": held["rss"], "memory.pictures_mb": pictures["pss"]}


# ---------------------------------------------------------------- the run


def measure(wanted: set[str], rounds: int, small: int, films: int) -> dict[str, dict[str, list[float]]]:
    """Run everything; for each server and row the figure of every round."""
    found: dict[str, dict[str, list[float]]] = {"orthanc": {}, "demo": {}}
    timing = wanted & {"stow", "qido", "wado", "cstore"}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-archive-")))
        both = [servers.orthanc(folder / "orthanc")] if servers.ORTHANC.exists() and servers.DICOMWEB.exists() else []
        pair = [stack.enter_context(each) for each in both]
        idle = {server.name: common.memory_mb(server.pid)["pss"] for server in pair}
        if timing:
            pair.append(stack.enter_context(servers.demo(folder / "demo")))
        mould = Mould(512)
        known = {server.name: load_small(server, small) for server in pair} if wanted & {"qido", "memory"} else {}
        if "memory" in wanted:
            for server in pair[: len(both)]:
                _add(found[server.name], memory(server, known[server.name], mould))
                _add(found[server.name], {"memory.idle_mb": idle[server.name]})
            with servers.alone(folder / "alone") as ours:
                time.sleep(3)
                _add(found["demo"], {"memory.idle_mb": common.memory_mb(ours.pid)["pss"]})
                _add(found["demo"], memory(ours, load_small(ours, small), mould))
        for number in range(rounds if timing else 0):
            for server in pair if number % 2 else pair[::-1]:
                _progress(f"round {number + 1} {server.name}")
                figures = found[server.name]
                if "stow" in wanted:
                    _add(figures, stow(server, mould, films))
                if "cstore" in wanted:
                    _add(figures, cstore(server, mould, films))
                if "qido" in wanted:
                    _add(figures, qido(server, known[server.name], 60))
                if "wado" in wanted:
                    some = [series_of(mould, 100) for _ in range(3)]
                    for series in some:
                        send(server, [multipart(series.films[start : start + 20]) for start in range(0, 100, 20)])
                    _add(figures, wado(server, mould, some[0]))
                    _add(figures, pictures(server, some))
    return found


def _progress(text: str) -> None:
    """Say to a person how far it is."""
    sys.stderr.write(f"{text}\n")


def _add(figures: dict[str, list[float]], more: Figures) -> None:
    for name, value in more.items():
        figures.setdefault(name, []).append(value)


def summary(found: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    """Medians, and for each row how many times better ours is."""
    ours = {name: common.median(values) for name, values in found["demo"].items()}
    peer = {name: common.median(values) for name, values in found["orthanc"].items()}
    ratios = {
        name: (ours[name] / peer[name] if ROWS[name][2] else peer[name] / ours[name])
        for name in ROWS
        if ours.get(name) and peer.get(name)
    }
    return {"ours": ours, "orthanc": peer, "ratios": ratios}


def page(result: dict[str, dict[str, float]]) -> str:
    """The table for people."""
    rows = [("", "ours", "Orthanc", "times better", "aim")]
    for name, (what, unit, _, aim) in ROWS.items():
        if name not in result["ours"] and name not in result["orthanc"]:
            continue
        ours, peer, ratio = (result[part].get(name) for part in ("ours", "orthanc", "ratios"))
        mark = "" if ratio is None or not aim or ratio >= aim else " (missed)"
        rows.append(
            (
                what,
                f"{ours:.4g} {unit}" if ours is not None else "",
                f"{peer:.4g} {unit}" if peer is not None else "not installed",
                f"{ratio:.2f}{mark}" if ratio is not None else "",
                f"{aim:.2g}" if aim else "",
            )
        )
    return common.table(rows)


def main(words: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.archive", description=__doc__)
    parser.add_argument("--rows", default="stow,qido,wado,cstore,memory", help="which parts, by comma")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", type=int, default=10_000, help="films in the set that is searched")
    parser.add_argument("--films", type=int, default=200, help="films of a round of STOW-RS and C-STORE")
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md as it is")
    given = parser.parse_args(words)
    result = summary(measure(set(given.rows.split(",")), given.rounds, given.small, given.films))
    missing = [name for name, there in _needed().items() if not there]
    print(page(result))
    if missing:
        print(f"\nNot installed, so not measured: {', '.join(missing)}.")
    print(json.dumps({name: {row: round(value, 3) for row, value in part.items()} for name, part in result.items()}))
    if not given.dry:
        results.keep("Archive", _section(result, missing, given))
    return 0


def _needed() -> dict[str, bool]:
    return {
        "orthanc (Debian package)": servers.ORTHANC.exists(),
        "orthanc-dicomweb (Debian package)": servers.DICOMWEB.exists(),
        "storescu (Debian package dcmtk)": shutil.which("storescu") is not None,
    }


def _section(result: dict[str, dict[str, float]], missing: list[str], given: argparse.Namespace) -> str:
    versions = ", ".join(f"{name} {common.package_version(name)}" for name in ("orthanc", "orthanc-dicomweb", "dcmtk"))
    rounds = f"Medians of {given.rounds} interleaved rounds, {given.small} tiny films loaded before."
    text = [
        f"{common.machine()}; {re.sub(' ,', ',', versions)}. {rounds}",
        "Times: the web process of the demo with rights, audit and encryption. Memory: `python -m dicom_store`, which "
        "starts the processes that make pictures with the first one (`--warm`: at once, as the demo does).",
        "",
        page(result),
    ]
    if missing:
        text += ["", f"Not installed, so not measured: {', '.join(missing)}."]
    return "\n".join(text)


if __name__ == "__main__":
    sys.exit(main())
