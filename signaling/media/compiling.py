"""Builds and loads the compiled fan-out. Without a C compiler or Python's headers there is none, and nothing fails.

    python -m signaling.media.compiling     builds it beside this file; says on stderr why where it cannot

The file's name carries a digest of its source: one that was built from another source, or for another machine, is
never loaded.
"""

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_NAME = "_fanout"
_HEADER, _SOURCES = "fanout.h", ("fanout.c", "flows.c")
_FLAGS = (
    "-std=c11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror=implicit-function-declaration",
    "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2",
)  # fmt: skip
_MOST_S = 120


def built() -> Path:
    """Where the library lies once it is built for this source, this Python and this machine."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for part in (_HEADER, *_SOURCES):
        digest.update((_HERE / part).read_bytes())
    digest.update(f"{sysconfig.get_platform()} {sys.implementation.cache_tag}".encode())
    return _HERE / f"{_NAME}.{digest.hexdigest()[:16]}.so"


def load() -> Any | None:
    """The compiled module with `ffi` and `lib`, None where there is none."""
    path = built()
    if not path.exists():
        return None
    loader = importlib.machinery.ExtensionFileLoader(_NAME, str(path))
    spec = importlib.util.spec_from_file_location(_NAME, path, loader=loader)
    if spec is None:
        return None
    try:
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    except (ImportError, OSError):
        return None
    return module


def build() -> Path:
    """Compile.

    Raises:
        OSError: There is no compiler, or it did not come to an end with a library that loads.
    """
    compiler = shlex.split(sysconfig.get_config_var("CC") or "cc")[:1]
    if shutil.which(compiler[0]) is None:
        compiler = ["cc"]
    path = built()
    with tempfile.TemporaryDirectory() as folder:
        glue, library = Path(folder, "glue.c"), Path(folder, "library.so")
        _write_glue(glue)
        words = [*compiler, *_FLAGS, f"-I{sysconfig.get_path('include')}", f"-I{_HERE}", str(glue), "-o", str(library)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_MOST_S)  # noqa: S603 - our words
        if done.returncode:
            said = re.search(r"error: (.+)", done.stderr)
            raise OSError(said[1] if said else "the compiler failed")
        _put(library, path)
    if load() is None:
        path.unlink(missing_ok=True)
        raise OSError("what the compiler made does not load here")
    for old in set(_HERE.glob(f"{_NAME}.*.so")) - {path}:
        old.unlink(missing_ok=True)
    return path


def _write_glue(path: Path) -> None:
    from cffi import FFI  # only who builds pays for it

    ffi = FFI()
    ffi.cdef(re.sub(r"/\*.*?\*/", "", (_HERE / _HEADER).read_text(), flags=re.DOTALL))
    ffi.set_source(_NAME, "\n".join((_HERE / part).read_text() for part in _SOURCES))
    with contextlib.redirect_stdout(io.StringIO()):  # it tells what it does
        ffi.emit_c_code(str(path))


def _put(library: Path, path: Path) -> None:
    """Whole or not at all: two may build at once."""
    handle, waiting = tempfile.mkstemp(dir=path.parent, prefix=f".{_NAME}.")
    os.close(handle)
    try:
        shutil.copy(library, waiting)
        Path(waiting).replace(path)
    finally:
        Path(waiting).unlink(missing_ok=True)


def main() -> int:
    """Build; a machine that cannot is told why, and goes on with the Python path."""
    if built().exists():
        return 0
    try:
        build()
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"The relay runs without its compiled fan-out: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
