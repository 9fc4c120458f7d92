"""Hatchling's hook: a wheel or source archive carries the built front end and catalogues, so its user needs no node."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebBuildHook(BuildHookInterface):
    """Builds `web/dist` and the catalogues before they are packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Runs before a build; an editable install needs nothing built."""
        if version == "editable":
            return
        root = Path(self.root)
        if (root / "web" / "dist" / ".vite" / "manifest.json").exists() and not (root / ".git").exists():
            return  # a source archive brings it built
        subprocess.run([sys.executable, "tools/frontend.py"], cwd=root, check=True)
        subprocess.run([sys.executable, "-m", "tools.catalogues", "--compile"], cwd=root, check=True)
