"""Our worklist beside the same one in plain Django: `python -m bench.pages`.

Both are asked in turns by one loader over eight kept connections with a session cookie; median of the rounds. Ours
opens encrypted names and asks for rights; Django's names are in clear and one filter is its rights.
"""

import argparse
import asyncio
import contextlib
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from bench.common import answers, cpu_seconds, free_port, machine, median, memory_mb, percentile, running, table
from bench.results import keep

CASES = 60
CONNECTIONS = 8
VENV = Path(".venv-pages")
WANTED = ("django>=5.2,<5.3", "gunicorn>=23")
_ROW = re.compile(r"<tr(?: class=\"new\")?>\s*<td.*?</tr>", re.DOTALL)


@dataclass
class Site:
    """A server to ask."""

    name: str
    port: int
    pid: int
    path: str
    cookie: str
    mark: bytes


@dataclass
class Round:
    """What one round gave."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


async def ask(site: Site, seconds: float) -> Round:
    """Ask over all connections for a while."""
    times: list[float] = []
    request = (
        f"GET {site.path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nCookie: {site.cookie}\r\nAccept: text/html\r\n\r\n"
    ).encode()

    async def one(end: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        try:
            while (began := time.perf_counter()) < end:
                writer.write(request)
                body = await answer(reader)
                if site.mark not in body:
                    raise SystemExit(f"{site.name}: not the page that was asked for: {body[:200]!r}")
                times.append(time.perf_counter() - began)
        finally:
            writer.close()

    before, began = cpu_seconds(site.pid), time.perf_counter()
    await asyncio.gather(*(one(began + seconds) for _ in range(CONNECTIONS)))
    took, cpu = time.perf_counter() - began, cpu_seconds(site.pid) - before
    return Round(len(times) / took, 1e3 * percentile(times, 0.5), 1e3 * percentile(times, 0.99), 1e3 * cpu / len(times))


async def answer(reader: asyncio.StreamReader) -> bytes:
    """One answer of HTTP/1.1: by length or in chunks; anything but 200 ends the bench."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise SystemExit(f"not answered with a page: {head[:300]!r}")
    if found := re.search(rb"content-length: (\d+)", head):
        return await reader.readexactly(int(found[1]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


# ---------------------------------------------------------------- ours
@contextlib.contextmanager
def ours(folder: Path) -> Iterator[tuple[Site, str]]:
    """The demo with sixty more cases, and the page as it shows them."""
    command = [sys.executable, "-m", "teleconsult", "demo", "--port", "0", "--data", str(folder), "--json"]
    with (folder.with_suffix(".log")).open("w") as log, running(command, stdout=subprocess.PIPE, stderr=log) as child:
        assert child.stdout is not None
        said = json.loads(child.stdout.readline())
        headers = {"Authorization": f"Bearer {said['tokens']['requester']}"}
        for number in range(CASES):
            filed(said["url"], headers, number)
        sample = json.loads((folder / "sample.json").read_text())
        key = next(key for key, login in sample["keys"].items() if login == "liuxiulan")
        session = requests.Session()
        session.get(f"{said['url']}/demo/{key}", timeout=60).raise_for_status()
        cookie = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
        path = "/worklist?state=draft"
        page = session.get(f"{said['url']}{path}", timeout=60).text
        assert len(_ROW.findall(page)) >= 50, "the worklist does not show fifty rows"
        port = int(said["url"].rsplit(":", 1)[1])
        yield Site("teleconsult", port, said["pids"]["web"], path, cookie, b"worklist-panel"), page


def filed(url: str, headers: dict[str, str], number: int) -> None:
    """One more patient with a draft."""
    person = {"name": f"冯{chr(0x4E00 + number)}顺", "sex": "male", "birth_date": "1966-05-01", "allergies": ""}
    patient = requests.post(f"{url}/api/v1/patients", json=person, headers=headers, timeout=60)
    patient.raise_for_status()
    body = {"patient_id": patient.json()["id"], "question": f"右肺上叶结节 {number}，性质？", "history": "咳嗽两周。"}
    requests.post(f"{url}/api/v1/consults", json=body, headers=headers, timeout=60).raise_for_status()


# ---------------------------------------------------------------- Django
def django_python() -> Path | None:
    """A Python with Django and gunicorn, in a folder that may be thrown away; None where it cannot be had."""
    python = VENV / "bin" / "python"
    check = [str(python), "-c", "import django, gunicorn"]
    if python.exists() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return python
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, check=False)
    got = made.returncode == 0 and subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *WANTED],
        capture_output=True,
        check=False,
    )
    return python if got and got.returncode == 0 else None


def template(page: str) -> str:
    """Our page with its rows taken out, as a Django template: the same frame, the same markup of a row."""
    rows = _ROW.findall(page)
    head, _, rest = page.partition(rows[0])
    foot = rest.rpartition(rows[-1])[2]
    row = """<tr{% if row.unread %} class="new"{% endif %}><td>{{ row.priority }}</td>
<td class="who"><a href="/consults/{{ row.id }}"><span class="name">{{ row.patient.name }}</span>
 <span class="sex-age">{{ row.patient.sex }} {{ row.age }}</span></a></td>
<td class="question" title="{{ row.question }}">{{ row.question }}</td>
<td class="from" title="{{ row.origin.name }}">{{ row.origin.name }}</td><td class="kind">{{ row.kind }}</td>
<td class="step"><span class="state">{{ row.state }}</span></td>
<td class="time"><span class="left">{{ row.left }}</span></td>
<td class="fresh">{% if row.unread %}{{ row.unread }}{% endif %}</td></tr>"""
    counts = "".join(
        f'<nav class="filters">{{% for one in {name} %}}<a href="/worklist?{name}={{{{ one.key }}}}">{{{{ one.key }}}} '
        "<b>{{ one.number }}</b></a>{% endfor %}</nav>"
        for name in ("states", "kinds", "priorities")
    )
    frame = "{% verbatim %}" + head + "{% endverbatim %}"
    return frame + counts + "{% for row in rows %}" + row + "{% endfor %}{% verbatim %}" + foot + "{% endverbatim %}"


def cases(page: str) -> list[dict[str, Any]]:
    """What our page shows, for Django's database."""
    found = []
    for number, row in enumerate(_ROW.findall(page)):
        text = [
            html.unescape(re.sub(r"<[^>]+>|\s+", " ", cell)).strip()
            for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
        ]
        found.append(
            {
                "patient": text[1][:100], "sex": "男", "born": "1966-05-01", "question": text[2], "origin": text[3],
                "kind": text[4], "priority": text[0], "state": text[5], "number": f"HZ-20261123-{number:04d}",
                "due_at": f"2026-12-{1 + number % 28:02d}T08:00:00+00:00", "unread": number % 3,
            }
        )  # fmt: skip
    return found


@contextlib.contextmanager
def plain_django(python: Path, folder: Path, page: str) -> Iterator[Site]:
    """Django behind gunicorn: one process, as ours is one; threads for the connections."""
    folder.mkdir()
    (folder / "worklist.html").write_text(template(page))
    environment = {**os.environ, "BENCH_FOLDER": str(folder), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [str(python), "-m", "bench.peers.plain_django"], input=json.dumps(cases(page)), env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    port = free_port()
    command = [str(python), "-m", "gunicorn", "-w", "1", "-k", "gthread", "--threads", str(CONNECTIONS)]
    command += ["--keep-alive", "60", "-b", f"127.0.0.1:{port}", "bench.peers.plain_django:application"]
    with (folder / "log").open("w") as log, running(command, env=environment, stdout=log, stderr=log) as child:
        answers(port)
        cookie = f"sessionid={done.stdout.strip()}"
        yield Site("django", port, child.pid, "/worklist", cookie, b"worklist-panel")


def versions(python: Path) -> str:
    """Of the peer."""
    words = "import django, gunicorn; print('Django', django.__version__ + ', gunicorn', gunicorn.__version__)"
    return subprocess.run([str(python), "-c", words], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Run and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--data", type=Path, help="a sample county that is there already; it gets sixty drafts more")
    parser.add_argument("--keep", action="store_true", help="write the section of RESULTS.md")
    parser.add_argument("--json", type=Path, help="write the figures here")
    asked = parser.parse_args()
    python = django_python()
    if python is None:
        raise SystemExit(f"Not installed here and not to be had: {', '.join(WANTED)}.")
    with (
        tempfile.TemporaryDirectory() as name,
        ours(asked.data or Path(name) / "ours") as (site, page),
        plain_django(python, Path(name) / "django", page) as peer,
    ):
        figures = measured((site, peer), asked.rounds, asked.seconds)
    figures |= {"machine": machine(), "peer": versions(python), "load": os.getloadavg()[0]}
    print(json.dumps(figures, ensure_ascii=False))
    print(text := told(figures, asked.rounds, asked.seconds))
    if asked.json:
        asked.json.write_text(json.dumps(figures, ensure_ascii=False))
    if asked.keep:
        keep("Pages beside plain Django", text)


def measured(sites: tuple[Site, Site], rounds: int, seconds: float) -> dict[str, Any]:
    """Rounds in turns; medians of each figure."""
    got: dict[str, list[Round]] = {site.name: [] for site in sites}
    for site in sites:
        asyncio.run(ask(site, 1.0))  # warm
    for number in range(rounds):
        for site in sites if number % 2 == 0 else sites[::-1]:
            got[site.name].append(asyncio.run(ask(site, seconds)))
    out: dict[str, Any] = {}
    for site in sites:
        kept = got[site.name]
        names = ("rate", "p50_ms", "p99_ms", "cpu_ms")
        out[site.name] = {name: round(median(getattr(one, name) for one in kept), 3) for name in names}
        out[site.name]["pss_mb"] = round(memory_mb(site.pid)["pss"], 1)
        link = requests.get(
            f"http://127.0.0.1:{site.port}{site.path}", timeout=60,
            headers={"Cookie": site.cookie, "Accept-Encoding": "identity"},
        )  # fmt: skip
        out[site.name]["bytes"] = len(link.content)
    return out


def told(figures: dict[str, Any], rounds: int, seconds: float) -> str:
    """As a section of RESULTS.md."""
    own, peer = figures["teleconsult"], figures["django"]
    rows = [["worklist of 50 rows", "ours", "Django", "ours / Django"]]
    words = {
        "rate": "pages a second", "p50_ms": "p50, ms", "p99_ms": "p99, ms", "cpu_ms": "processor time a page, ms",
        "pss_mb": "memory (PSS), MB", "bytes": "bytes of the page, uncompressed",
    }  # fmt: skip
    for name, word in words.items():
        rows.append([word, f"{own[name]:g}", f"{peer[name]:g}", f"**{own[name] / peer[name]:.2f}**"])
    head = (
        f"{figures['machine']}; {figures['peer']}, one process of {CONNECTIONS} threads. Median of {rounds} "
        f"interleaved rounds of {seconds:g} s over {CONNECTIONS} kept connections; load {figures['load']:.0f}. "
        "Ours opens encrypted names and asks for rights; Django's names are in clear, and one filter is its rights."
    )
    return f"{head}\n\n{table(rows)}"


if __name__ == "__main__":
    main()
