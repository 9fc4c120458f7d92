"""Jobs for the pool's tests: importable, and bad in one way each."""

import ctypes
import os
import time

from dicom_store.errors import FilmRefused, NotRenderable


def add(left: int, right: int) -> int:
    return left + right


def size(data: bytes) -> int:
    return len(data)


def pid() -> int:
    return os.getpid()


def sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def spin() -> None:
    while True:
        pass


def crash() -> None:
    ctypes.string_at(0)


def eat() -> int:
    return len(bytes(64 << 30))


def refuse() -> None:
    raise NotRenderable("No more than {count} frames.", code="frames", count=7)


def refuse_film() -> None:
    raise FilmRefused("Not a film.", failure_reason=0xC000)


def raise_with_a_name() -> None:
    raise ValueError("Zhang^San")


def not_plain() -> object:
    return size


def secrets() -> list[str]:
    return sorted(os.environ)


def write(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("x")
