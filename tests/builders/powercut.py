"""What a disk may hold after a power cut: a process's writes, syncs and names, replayed up to any moment.

A process runs under strace. What it wrote is then laid down anew: bytes that were synced are there; what was written
after the last sync of its file is there, missing, or torn into sectors, as a seed decides; names of files are there
from the sync of their folder on, and before that perhaps, in the order in which they were made. Nothing of the
machine's own cache takes part, so the answer is harsher than a real disk's, and always the same.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "openat,write,writev,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,mkdir"
_SECTOR = 512
_LINE = re.compile(r"^(\d+) +(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")


@dataclass
class _File:
    """One file, whatever its name: what is safe, and what was done since."""

    safe: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)
    size: int = 0

    def after_cut(self, chance: random.Random) -> bytes:
        """One way in which the disk may have it."""
        held = bytearray(self.safe)
        for place, data in self.waiting:
            fate = chance.randrange(3)
            if fate == 0:
                continue
            if data is None:
                del held[place:]
                held.extend(bytes(max(0, place - len(held))))
                continue
            for start in range(0, len(data), _SECTOR):
                if fate == 1 or chance.randrange(2):
                    _lay(held, place + start, data[start : start + _SECTOR])
        return bytes(held)

    def sync(self, count: int) -> None:
        """The first `count` waiting changes are safe."""
        for place, data in self.waiting[:count]:
            if data is None:
                del self.safe[place:]
                self.safe.extend(bytes(max(0, place - len(self.safe))))
            else:
                _lay(self.safe, place, data)
        del self.waiting[:count]


def _lay(held: bytearray, place: int, data: bytes) -> None:
    if place > len(held):
        held.extend(bytes(place - len(held)))
    held[place : place + len(data)] = data


@dataclass(frozen=True)
class Event:
    """Something that a process did; `target` is a path, or "" for what it said on its standard output."""

    kind: str
    target: str = ""
    data: bytes = b""
    place: int = -1


class PowerCut:
    """A folder as the disk may hold it; `follow` each event, then `lay_down`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, _File | None] = {}  # as the process sees them; None is a folder
        self._safe_names: dict[str, _File | None] = {}
        self._waiting: list[tuple[str, _File | None, bool]] = []  # path, what it leads to, whether it is there
        self._syncing: dict[str, int] = {}
        self.said = b""

    def follow(self, event: Event) -> None:
        """Go on by one event."""
        path, file = event.target, self._names.get(event.target)
        if event.kind == "say":
            self.said += event.data
        elif event.kind == "make" and path not in self._names:
            self._name(path, _File())
        elif event.kind == "folder" and path not in self._names:
            self._name(path, None)
        elif event.kind == "remove" and path in self._names:
            self._waiting.append((path, self._names.pop(path), False))
        elif event.kind == "write" and file is not None:
            place = file.size if event.place < 0 else event.place
            file.waiting.append((place, event.data))
            file.size = max(file.size, place + len(event.data))
        elif event.kind == "cut" and file is not None:
            file.waiting.append((event.place, None))
            file.size = event.place
        elif event.kind == "begin sync" and file is not None:
            self._syncing[path] = len(file.waiting)
        elif event.kind == "end sync":
            self._synced(path, file)

    def _name(self, path: str, file: _File | None) -> None:
        self._names[path] = file
        self._waiting.append((path, file, True))

    def _synced(self, path: str, file: _File | None) -> None:
        if file is not None:
            file.sync(self._syncing.pop(path, 0))
            return
        left = []
        for change in self._waiting:
            if str(Path(change[0]).parent) == path:
                _rename(self._safe_names, change)
            else:
                left.append(change)
        self._waiting = left

    def lay_down(self, folder: Path, seed: int) -> None:
        """Write what the disk may hold into an empty folder."""
        chance = random.Random(seed)
        names = dict(self._safe_names)
        for change in self._waiting[: chance.randint(0, len(self._waiting))]:
            _rename(names, change)
        for path, file in sorted(names.items()):
            target = folder / Path(path).relative_to(self._root)
            if not target.parent.is_dir():
                continue  # its folder was never there
            if file is None:
                target.mkdir()
            else:
                target.write_bytes(file.after_cut(chance))


def _rename(names: dict[str, _File | None], change: tuple[str, _File | None, bool]) -> None:
    path, file, there = change
    if there:
        names[path] = file
    else:
        names.pop(path, None)


# ---------------------------------------------------------------- what a process did


def recorded(program: str, root: Path, trace: Path) -> list[Event]:
    """Run a Python program on the folder `root` and say what it did below it, in order."""
    command = ["strace", "-f", "-y", "-xx", "-s", "16000000", "-e", f"trace={CALLS}", "-o", str(trace)]
    command += [sys.executable, "-c", program, str(root)]
    subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120, cwd=Path(__file__).resolve().parents[2])
    events: list[Event] = []
    unfinished: dict[str, str] = {}
    with trace.open() as lines:
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            thread, text = found[1], found[2]
            if text.endswith("<unfinished ...>"):
                unfinished[thread] = begun = text.removesuffix("<unfinished ...>")
                events += _begun(begun, root)
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>", text)
            if resumed is not None:
                whole = unfinished.pop(thread, "") + text[resumed.end() :]
                events += _done(whole, root)
                continue
            events += [*_begun(text, root), *_done(text, root)]
    return events


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _begun(text: str, root: Path) -> list[Event]:
    """What counts once it is asked for: writes may reach the disk, syncs cover what came before."""
    name, _, rest = text.partition("(")
    fd = _FD.match(rest)
    if fd is None:
        return []
    target = _plain(fd[2]).decode(errors="replace")
    if name == "write" and fd[1] == "1":
        return [Event("say", "", b"".join(map(_plain, _TEXT.findall(rest))))]
    if not _ours(target, root):
        return []
    if name in {"write", "writev"}:
        return [Event("write", target, b"".join(map(_plain, _TEXT.findall(rest))))]
    if name == "pwrite64":
        return [
            Event("write", target, _plain(_TEXT.findall(rest)[0]), int(rest.rstrip(") ").split(",")[-1].split(")")[0]))
        ]
    if name in {"fsync", "fdatasync"}:
        return [Event("begin sync", target)]
    if name == "ftruncate":
        return [Event("cut", target, b"", int(rest.split(",")[1].split(")")[0]))]
    return []


def _done(text: str, root: Path) -> list[Event]:
    """What counts when it is over: names, and syncs."""
    found = _CALL.match(text)
    if found is None or int(found[3]) < 0:
        return []
    name, rest = found[1], found[2]
    fd = _FD.match(rest)
    if name in {"fsync", "fdatasync"} and fd is not None:
        target = _plain(fd[2]).decode(errors="replace")
        return [Event("end sync", target)] if _ours(target, root) else []
    paths = [_plain(one).decode(errors="replace") for one in _TEXT.findall(rest)]
    if not paths or not _ours(paths[0], root):
        return []
    if name == "openat" and "O_CREAT" in rest:
        return [Event("make", paths[0])]
    if name == "mkdir":
        return [Event("folder", paths[0])]
    if name in {"unlink", "unlinkat"}:
        return [Event("remove", paths[0])]
    if name == "rename":
        raise AssertionError("renames are not followed")
    return []


def _ours(path: str, root: Path) -> bool:
    # SQLite's shared memory is made anew by whoever opens the file after a cut.
    return (path == str(root) or path.startswith(f"{root}/")) and not path.endswith("-shm")
