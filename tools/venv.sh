#!/bin/sh
# Make a virtual environment and install one lock file into it. Usage: venv.sh FOLDER LOCK
# Debian ships Python without its venv module's pip; then it is taken from apt where that is allowed.
set -eu
venv=$1 lock=$2

find_python() {
  for name in python3.11 python3.12 python3.13 python3; do
    if command -v "$name" >/dev/null 2>&1 &&
       "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"; return
    fi
  done
  echo "Python 3.11 or newer is needed and was not found." >&2; exit 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  rm -rf "$venv"
  if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    echo "Python's venv module is missing here; installing Debian's python3-venv." >&2
    { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; } >/dev/null 2>&1 || {
      echo "That did not work. Please run: apt install python3-venv" >&2; exit 1; }
    rm -rf "$venv"
    "$python" -m venv "$venv"
  fi
fi
echo "Installing what $lock names …" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
# Compiled here and at once: what each process would otherwise compile anew at every start where Python may not write it.
"$venv/bin/python" -m compileall -q -j 0 "$venv"/lib/python3*/site-packages >/dev/null 2>&1 || true
