"""The archives that are compared: Debian's Orthanc, the web process of our demo, our archive alone."""

import contextlib
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.common import answers, free_port, running

ORTHANC = Path("/usr/sbin/Orthanc")
DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass
class Server:
    """A DICOMweb server that runs.

    Attributes:
        pid: Its processor time and memory are measured with those of its children.
        dimse: Port and called AE title, where it listens.
    """

    name: str
    base: str
    pid: int
    headers: dict[str, str] = field(default_factory=dict)
    dimse: tuple[int, str] | None = None
    dimse_pid: int = 0
    _local: threading.local = field(default_factory=threading.local)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """One request on this thread's kept connection: status and body."""
        parts = urlsplit(self.base)
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        for again in (True, False):
            link: Any = getattr(self._local, "link", None)
            if link is None:
                link = self._local.link = http.client.HTTPConnection(parts.netloc, timeout=300)
            try:
                link.request(method, parts.path + path, body, given)
                answer = link.getresponse()
                return answer.status, answer.read()
            except (http.client.HTTPException, ConnectionError):
                link.close()
                self._local.link = None
                if not again:
                    raise
        raise AssertionError


@contextlib.contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    """Debian's Orthanc with its DICOMweb plugin as it comes: SQLite, sync on, no compression, no users."""
    web, dimse = free_port(), free_port()
    folder.mkdir()
    settings = {
        "Name": "PEER",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(DICOMWEB)],
        "HttpPort": web,
        "DicomPort": dimse,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (
        (folder / "log").open("w") as log,
        running([str(ORTHANC), str(folder / "orthanc.json")], stdout=log, stderr=log) as child,
    ):
        answers(web)
        yield Server(
            "orthanc", f"http://127.0.0.1:{web}/dicom-web", child.pid, dimse=(dimse, "ORTHANC"), dimse_pid=child.pid
        )


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[Server]:
    """The web process of our demo: rights, audit and encryption as they always are."""
    command = [sys.executable, "-m", "teleconsult", "demo", "--port", "0", "--data", str(folder), "--json"]
    folder.parent.mkdir(exist_ok=True)
    with (
        folder.with_suffix(".log").open("w") as log,
        running(command, stdout=subprocess.PIPE, stderr=log) as child,
    ):
        assert child.stdout is not None
        said = json.loads(child.stdout.readline())
        headers = {"Authorization": f"Bearer {said['tokens']['requester']}"}
        dimse = said.get("dimse")
        listening = (int(dimse["port"]), str(dimse["aet"])) if dimse else None
        pids = said["pids"]
        yield Server("demo", said["dicomweb"], pids["web"], headers, listening, pids.get("dimse", 0))


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[Server]:
    """`python -m dicom_store`: the archive by itself, with a token file; an archive that lies in `data` is taken up."""
    folder.mkdir(exist_ok=True)
    (folder / "tokens").write_text("bench clinic\n")
    command = [sys.executable, "-m", "dicom_store", "--port", "0", "--data", str(folder / "data")]
    command += ["--token-file", str(folder / "tokens")]
    with (folder / "log").open("w") as log, running(command, stdout=subprocess.PIPE, stderr=log) as child:
        assert child.stdout is not None
        base = child.stdout.readline().strip()
        yield Server("alone", base, child.pid, {"Authorization": "Bearer bench"})
