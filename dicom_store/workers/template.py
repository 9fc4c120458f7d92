"""The process that workers are forked from, and the life of a worker. Runs outside of the archive's process.

`python -m dicom_store.workers.template FD MEMORY JOBS MODULE…` imports the modules, warms them, and then forks one
worker for every socket it is handed. It has one thread and no event loop, which is what makes forking it safe; workers
share its memory, so that a replacement is ready within milliseconds and costs little.

Everybody dies with the parent: the template by PR_SET_PDEATHSIG, its workers with it.
"""

import ctypes
import gc
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress

from dicom_store.errors import Refused
from dicom_store.workers import wire

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
_LARGE_KB = 400 << 10
"""A worker that grew beyond this leaves after its answer, so that idle memory stays small."""


def main(arguments: list[str]) -> None:
    """Import, warm, then fork a worker for each socket received until the parent hangs up."""
    control = socket.socket(fileno=int(arguments[0]))
    memory_bytes, max_jobs = int(arguments[1]), int(arguments[2])
    parent = os.getppid()
    _die_with_parent(parent)
    for name in arguments[3:]:
        warm: Callable[[], None] | None = getattr(importlib.import_module(name), "warm", None)
        if warm is not None:
            warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    gc.collect()
    gc.freeze()
    with suppress(BrokenPipeError):  # the parent went away meanwhile: the next line sees that too
        control.sendall(b"R")
    while True:
        _, fds, _, _ = socket.recv_fds(control, 1, 1)
        if not fds:
            return
        template = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            _live(socket.socket(fileno=fds[0]), template, memory_bytes, max_jobs)
        os.close(fds[0])
        control.sendall(pid.to_bytes(4, "little"))


def _die_with_parent(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def _live(channel: socket.socket, template: int, memory_bytes: int, max_jobs: int) -> None:
    """Serve jobs until told to leave. Never returns: the template's stack is not ours."""
    try:
        _die_with_parent(template)
        _limit(memory_bytes)
        done, leaving = 0, False
        while not leaving and (job := _receive(channel)) is not None:
            done += 1
            verdict, value = _run(job)
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > _LARGE_KB
            leaving = done >= max_jobs or grown or verdict is wire.Verdict.MEMORY
            answer = wire.pack((verdict.value, value, leaving))
            channel.sendall(wire.LENGTH.pack(len(answer)))
            channel.sendall(answer)
    except (OSError, MemoryError):  # the parent hung up, or not even the answer fits
        os._exit(1)
    finally:
        os._exit(0)


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a patient's film
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a decoder has nothing to write
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):  # decoders print what they think of a film; logs must not hold it
        os.dup2(null, fd)


def _receive(channel: socket.socket) -> bytearray | None:
    header = _exactly(channel, wire.LENGTH.size)
    return None if header is None else _exactly(channel, wire.LENGTH.unpack(header)[0])


def _exactly(channel: socket.socket, length: int) -> bytearray | None:
    data = bytearray(length)
    view, got = memoryview(data), 0
    while got < length:
        received = channel.recv_into(view[got:])
        if not received:
            return None
        got += received
    return data


def _run(job: bytearray) -> tuple[wire.Verdict, object]:
    try:
        module, function, arguments, seconds = wire.unpack_job(job)
        del job
        _allow_cpu(seconds)
        return wire.Verdict.DONE, getattr(importlib.import_module(module), function)(*arguments)
    except Refused as refusal:
        return wire.Verdict.REFUSED, wire.pack_refusal(refusal)
    except MemoryError:
        return wire.Verdict.MEMORY, ""
    except RecursionError:
        return wire.Verdict.RAISED, "RecursionError"
    except Exception as error:  # noqa: BLE001  (the job's end, whatever it was; only the kind travels: texts may hold data)
        return wire.Verdict.RAISED, type(error).__name__


def _allow_cpu(seconds: float) -> None:
    """Let this job use that much processor time; SIGXCPU ends the worker beyond it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 2, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(sys.argv[1:])
