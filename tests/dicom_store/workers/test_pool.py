import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dicom_store.errors import FilmRefused, NotRenderable, Unavailable
from dicom_store.workers import JobFailed, JobFailure, Workers
from tests.dicom_store.workers import jobs


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(count=2, waiting=4, memory_bytes=1 << 30, max_jobs=50) as pool:
        yield pool


async def test_a_job_runs_in_a_child_and_answers(workers: Workers) -> None:
    assert await workers.run(jobs.add, 2, 3) == 5
    assert await workers.run(jobs.pid) != os.getpid()


async def test_large_arguments_pass(workers: Workers) -> None:
    assert await workers.run(jobs.size, bytes(40 << 20)) == 40 << 20


async def test_a_job_that_hangs_is_killed_and_the_next_one_runs(workers: Workers) -> None:
    began = time.monotonic()
    with pytest.raises(JobFailed) as failed:
        await workers.run(jobs.sleep, 60, seconds=0.3)
    assert failed.value.why is JobFailure.TIMEOUT
    assert await workers.run(jobs.add, 1, 1) == 2
    assert time.monotonic() - began < 5


async def test_a_job_that_spins_is_killed(workers: Workers) -> None:
    with pytest.raises(JobFailed):
        await workers.run(jobs.spin, seconds=0.3)
    assert await workers.run(jobs.add, 1, 1) == 2


async def test_a_crash_fails_that_job_only(workers: Workers) -> None:
    slow = asyncio.ensure_future(workers.run(jobs.sleep, 0.5))
    await asyncio.sleep(0.05)
    with pytest.raises(JobFailed) as failed:
        await workers.run(jobs.crash)
    assert failed.value.why is JobFailure.DIED
    assert await slow == "slept"
    assert await workers.run(jobs.add, 1, 1) == 2


async def test_memory_is_bounded(workers: Workers) -> None:
    with pytest.raises(JobFailed) as failed:
        await workers.run(jobs.eat)
    assert failed.value.why is JobFailure.MEMORY


async def test_refusals_keep_their_class_and_fields(workers: Workers) -> None:
    with pytest.raises(NotRenderable) as refused:
        await workers.run(jobs.refuse)
    assert (str(refused.value), refused.value.code) == ("No more than 7 frames.", "frames")
    with pytest.raises(FilmRefused) as film:
        await workers.run(jobs.refuse_film)
    assert film.value.failure_reason == 0xC000


async def test_an_exceptions_text_stays_in_the_child(workers: Workers) -> None:
    with pytest.raises(JobFailed) as failed:
        await workers.run(jobs.raise_with_a_name)
    assert failed.value.kind == "ValueError"
    assert "Zhang" not in str(failed.value)


async def test_an_answer_that_is_not_plain_is_not_loaded(workers: Workers) -> None:
    with pytest.raises(JobFailed):
        await workers.run(jobs.not_plain)


async def test_the_child_sees_no_environment_of_ours(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await workers.run(jobs.secrets)
    assert isinstance(seen, list)
    ours = {"PYTHONPATH", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LC_ALL", "LC_CTYPE"}
    assert {name for name in seen if not name.startswith("MALLOC_")} <= ours


async def test_the_child_cannot_write_files(workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(JobFailed):
        await workers.run(jobs.write, str(tmp_path / "x"))


async def test_more_than_may_wait_are_turned_away_at_once() -> None:
    async with Workers(count=1, waiting=1) as pool, asyncio.TaskGroup() as group:
        first = group.create_task(pool.run(jobs.sleep, 0.5))
        await asyncio.sleep(0.05)
        second = group.create_task(pool.run(jobs.sleep, 0))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable):
            await pool.run(jobs.add, 1, 1)
    assert first.result() == second.result() == "slept"


async def test_workers_are_replaced_after_their_share_of_jobs() -> None:
    async with Workers(count=1, max_jobs=2) as pool:
        pids = [await pool.run(jobs.pid) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_a_cancelled_job_frees_its_seat(workers: Workers) -> None:
    for _ in range(5):
        job = asyncio.ensure_future(workers.run(jobs.sleep, 60))
        await asyncio.sleep(0.02)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
    assert await workers.run(jobs.add, 1, 1) == 2


async def test_a_killed_template_comes_back(workers: Workers) -> None:
    assert workers._warming is not None
    await workers._warming
    assert workers._template is not None
    workers._template.kill()
    await asyncio.sleep(0.1)
    for _ in range(2):  # both workers died with it
        with pytest.raises(JobFailed):
            await workers.run(jobs.add, 1, 1)
    assert await workers.run(jobs.add, 1, 1) == 2


def test_children_die_with_the_parent(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from dicom_store.workers import Workers
from tests.dicom_store.workers import jobs
async def main():
    async with Workers(count=1) as pool:
        print(await pool.run(jobs.pid), pool._template.pid, flush=True)
        await pool.run(jobs.spin, seconds=600)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
