"""Searches in a small archive and in a large one: `python -m bench.million [--rows 1000000] [--rounds 3] [--dry]`.

Two archives stand side by side, one with 10,000 films in its index and one with a million, and are asked the same
questions in turn. The indexes are filled by script with what the door would have written for a tiny CT: no bytes of
films are sent. A search should not notice how much else is there.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import archive, common, results, servers
from bench.films import Mould, SmallStudy, new_uid, small_study
from bench.servers import Server
from dicom_store import charsets, description
from dicom_store.storage.index import Index, film_name
from dicom_store.storage.keys import KeyRing

_SMALL = 10_000
_FILMS, _GROUP = 20, 500
_AIM = 1.5
_KNOWN = _SMALL // _FILMS
_RARE = 250
"""Of so many studies one is an angiography."""
_HOLDER = "clinic"


@dataclass(frozen=True)
class _Cast:
    """What the door makes of one film, with marks where copies differ."""

    study: SmallStudy
    film: description.Description
    header: bytes
    texts: dict[str, str]


def _cast() -> _Cast:
    study, films = small_study(Mould(16), 0)
    film = description.describe(films[-1])
    texts = {"study": film.study, "series": film.series, "instance": film.instance, "patient": study.patient}
    return _Cast(study, film, film.header, texts)


def _changed(text: bytes, cast: _Cast, new: SmallStudy, series: str, instance: str) -> bytes:
    known = cast.study
    pairs = (
        (cast.film.study, new.study), (cast.film.series, series), (cast.film.instance, instance),
        (known.patient, new.patient), (known.name, new.name), (known.date, new.date),
    )  # fmt: skip
    for before, after in pairs:
        text = text.replace(before.encode(), after.encode())
    return text


def fill(data: Path, films: int) -> list[SmallStudy]:
    """Make an archive whose index has this many films; returns some of its studies, spread over the whole."""
    data.mkdir(parents=True)
    key = os.urandom(32)
    (data / "archive.key").write_bytes(key)
    index = Index(f"sqlite+aiosqlite:///{data / 'archive.db'}", KeyRing(key), 1)

    async def tables() -> None:
        await index.open()
        await index.close()

    asyncio.run(tables())
    studies = films // _FILMS
    kept = set(random.Random(5).sample(range(studies), min(studies, _KNOWN)))
    known, cast, names = [], _cast(), list(archive_names())
    with contextlib.closing(sqlite3.connect(data / "archive.db", isolation_level=None)) as base:
        base.execute("PRAGMA synchronous=OFF")
        for begin in range(0, studies, _GROUP):
            base.execute("BEGIN")
            for place in range(begin, min(begin + _GROUP, studies)):
                study = _add_study(base, index, cast, place, names)
                if place in kept:
                    known.append(study)
            base.execute("COMMIT")
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return known


def archive_names() -> Iterator[str]:
    """Surnames: seven that are common, and many rare ones."""
    chance = random.Random(3)
    yield from ("LI", "WANG", "ZHANG", "SMITH", "GARCIA", "IVANOV", "OKAFOR")
    for _ in range(200):
        yield "".join(chance.choice("BCDFGHJKLMNPQRSTVWXYZ") + chance.choice("AEIOU") for _ in range(4))


def _add_study(base: sqlite3.Connection, index: Index, cast: _Cast, place: int, names: Sequence[str]) -> SmallStudy:
    """One study of two series and twenty films, as `keeping` writes it."""
    # Half of the people have one of the common names.
    family = names[place // 2 % 7] if place % 2 else names[7 + place // 2 % (len(names) - 7)]
    modality = "XA" if place % _RARE == _RARE - 1 else ("CT", "DX", "US", "MR")[place % 4]
    study = SmallStudy(
        new_uid(), (new_uid(), new_uid()), f"Q{place:015d}", f"{family}^{place:07d}",
        f"{2015 + place % 9}{1 + place % 12:02d}{1 + place % 28:02d}", new_uid(),
    )  # fmt: skip
    now, row = "2026-03-01 09:00:00.000000", place + 1
    film = cast.film

    def made(columns: dict[str, Any], series: str = "", instance: str = "") -> dict[str, Any]:
        return {
            name: _changed(value, cast, study, series or film.series, instance or film.instance)
            if isinstance(value, bytes)
            else value
            for name, value in columns.items()
        }

    _insert(base, "studies", [{
        **made(film.study_columns), "id": row, "institution": _HOLDER, "study_uid": study.study,
        "patient_name": charsets.fold(study.name), "patient_sounds": charsets.sounds(study.name),
        "patient_id": charsets.fold(study.patient), "study_date": study.date, "modalities": modality,
        "series_count": 2, "instance_count": _FILMS, "changed_at": now,
    }])  # fmt: skip
    _insert(base, "series", [
        {
            **made(film.series_columns, uid), "id": 2 * place + number + 1, "study": row, "series_uid": uid,
            "modality": modality, "number": number + 1, "instance_count": _FILMS // 2,
        }
        for number, uid in enumerate(study.series)
    ])  # fmt: skip
    films, headers = [], []
    for number in range(_FILMS):
        instance = study.instance if number == _FILMS - 1 else new_uid()
        uid, film_row = study.series[number % 2], place * _FILMS + number + 1
        films.append({
            **made(film.columns, uid, instance), "id": film_row, "institution": _HOLDER, "instance_uid": instance,
            "series": 2 * place + number % 2 + 1, "study": row, "digest": hashlib.sha256(instance.encode()).digest(),
            "pack": f"{place // 50:032x}", "pack_offset": film_row * 1000, "length": 1000, "received_at": now,
            "number": number,
        })  # fmt: skip
        header = _changed(cast.header, cast, study, uid, instance)
        sealed = index.seal_header(film_name(_HOLDER, instance), header)
        headers.append({"instance": film_row, "header": sealed, "fragments": b""})
    _insert(base, "instances", films)
    _insert(base, "headers", headers)
    return study


def _insert(base: sqlite3.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    names = list(rows[0])
    quoted = ", ".join(f'"{name}"' for name in names)
    text = f"INSERT INTO {table} ({quoted}) VALUES ({', '.join('?' * len(names))})"
    base.executemany(text, [[row[name] for name in names] for row in rows])


def far(server: Server, known: list[SmallStudy], films: int, queries: int) -> archive.Figures:
    """Searches that only a large archive makes hard: pages far away, what is rare."""
    chance = random.Random(9)
    rare = [study.name.split("^")[0] for study in known]
    kinds = {
        "far_studies": lambda: f"/studies?limit=25&offset={chance.randrange(films // _FILMS - 30)}",
        "far_instances": lambda: f"/instances?limit=100&offset={chance.randrange(films - 200)}",
        "rare_modality": lambda: "/studies?limit=2&ModalitiesInStudy=XA",
        "name_and_date": lambda: f"/studies?limit=25&PatientName={chance.choice(rare)}*&StudyDate=20150101-20231231",
        "person": lambda: f"/studies?limit=25&PatientName={chance.choice(known).name}",
    }
    return {
        f"far.{kind}.p50": 1e3 * common.median(archive.timed(server, path, archive.JSON, queries, 3, spend_s=8))
        for kind, path in kinds.items()
    }


FAR = {
    "far.far_studies.p50": "a page of studies anywhere in the whole archive",
    "far.far_instances.p50": "a page of 100 films anywhere in the whole archive",
    "far.rare_modality.p50": "studies of a rare modality",
    "far.name_and_date.p50": "the start of a name, and dates",
    "far.person.p50": "a whole name",
}


def measure(rows: int, rounds: int, queries: int) -> tuple[dict[str, dict[str, list[float]]], float]:
    """Fill and ask; for each archive and question the median of every round, and how large the large index is (MB)."""
    found: dict[str, dict[str, list[float]]] = {"small": {}, "large": {}}
    with tempfile.TemporaryDirectory(prefix="bench-million-") as name, contextlib.ExitStack() as stack:
        pair = []
        for label, films in (("small", _SMALL), ("large", rows)):
            begun = time.perf_counter()
            known = fill(Path(name, label, "data"), films)
            sys.stderr.write(f"{films} films indexed in {time.perf_counter() - begun:.0f} s\n")
            pair.append((label, films, known, stack.enter_context(servers.alone(Path(name, label)))))
        size_mb = Path(name, "large", "data", "archive.db").stat().st_size / 1e6
        for number in range(rounds):
            for label, films, known, server in pair if number % 2 else pair[::-1]:
                figures = {**archive.qido(server, known, queries), **far(server, known, films, queries // 2)}
                for row, value in figures.items():
                    found[label].setdefault(row, []).append(value)
    return found, size_mb


def main(words: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="films in the large index")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=60, help="of each kind in a round")
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md as it is")
    given = parser.parse_args(words)
    before = os.getloadavg()[0]
    found, size_mb = measure(given.rows, given.rounds, given.queries)
    small, large = ({row: common.median(values) for row, values in found[label].items()} for label in found)
    rows = [("p50, ms", f"{_SMALL:,} films", f"{given.rows:,} films", "ratio", "aim")]
    for row, value in small.items():
        ratio = large[row] / value
        what = archive.ROWS[row][0] if row in archive.ROWS else f"QIDO-RS, {FAR[row]}"
        aim = "" if row in FAR else f"≤ {_AIM}"
        missed = " (missed)" if aim and ratio > _AIM else ""
        rows.append((what, f"{value:.2f}", f"{large[row]:.2f}", f"{ratio:.2f}{missed}", aim))
    page = common.table(rows)
    print(page)
    print(json.dumps({"small": small, "large": large}))
    if not given.dry:
        load = f"Load of the machine at the beginning and the end: {before:.1f} and {os.getloadavg()[0]:.1f}"
        head = (
            f"{common.machine()}. {load}. Two archives (`python -m dicom_store`, SQLite) asked in turn, medians of "
            f"{given.rounds} rounds of {given.queries} questions; indexes filled by script, the large {size_mb:.0f} MB."
        )
        results.keep("Searches among a million films", f"{head}\n\n{page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
