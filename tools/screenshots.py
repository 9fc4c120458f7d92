"""Makes the README's pictures, in Chinese, small enough for a README (under 200 kB each).

`make screenshots` starts the sample county, opens its pages in Chromium and keeps what it sees in docs/pictures.
With `--data FOLDER` a sample county that is already there is used again.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 200_000
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
FILMS_WITHIN_MS = 120_000
WRITER = "linyuan"
"""The radiologist of the sample who is writing an opinion; has no one-tap link."""
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--use-angle=swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
]


@dataclass(frozen=True)
class Site:
    """A running sample county: its address, the log-in links by the start of their words, and a consult with films."""

    url: str
    links: dict[str, str]
    password: str
    consult: str

    def link(self, role: str) -> str:
        """The one-tap link of a role, by the English word at its end."""
        return next(path for words, path in self.links.items() if words.endswith(f" {role}"))


@dataclass(frozen=True)
class Picture:
    """One picture: who sees it, where, and what must have happened before."""

    name: str
    role: str
    path: str
    phone: bool = False
    ready: Callable[[Page], None] | None = None


def pictures(consult: str, written: str) -> list[Picture]:
    """What the README shows."""
    case = f"/consults/{consult}"
    return [
        Picture("first-page", "specialist", "/"),
        Picture("worklist", "coordinator", "/worklist"),
        Picture("consult", "specialist", case),
        Picture("reading-room", "specialist", f"{case}/viewer", ready=films),
        Picture("report", WRITER, f"/consults/{written}/report", ready=films),
        Picture("request", "requester", "/consults/new"),
        Picture("phone-worklist", "requester", "/worklist", phone=True),
        Picture("phone-consult", "requester", case, phone=True),
        Picture("phone-reading-room", "specialist", f"{case}/viewer", phone=True, ready=films),
    ]


def films(page: Page) -> None:
    """Wait until the viewer shows every pixel. The page's policy forbids evaluated text, so we ask again and again."""
    for _ in range(FILMS_WITHIN_MS // 250):
        if page.evaluate("document.documentElement.dataset.viewer ?? ''") == "full":
            page.wait_for_timeout(800)
            return
        page.wait_for_timeout(250)
    raise SystemExit("The films did not appear in time.")


def squeezed(shot: bytes) -> bytes:
    """A PNG as small as it may be without being seen to be: fewer colours, fewer still where it is too large."""
    picture = Image.open(BytesIO(shot)).convert("RGB")
    made = b""
    for colours in (256, 128, 64, 32):
        out = BytesIO()
        picture.quantize(colours, method=Image.Quantize.MEDIANCUT).save(out, "PNG", optimize=True)
        made = out.getvalue()
        if len(made) < MOST_BYTES:
            break
    return made


@contextmanager
def running(data: Path) -> Iterator[Site]:
    """The sample county, started and stopped."""
    words = [sys.executable, "-m", "teleconsult", "demo", "--port", "0", "--json", "--data", str(data)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit("The sample county did not start.")
        told: dict[str, Any] = json.loads(line)
        sample = json.loads((data / "sample.json").read_text())
        yield Site(told["url"], sample["links"], sample["password"], told["samples"]["consult"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def somebody(browser: Browser, site: Site, role: str, *, phone: bool) -> Page:
    """A browser of somebody's own, logged in, past the tour."""
    shape: dict[str, Any] = {"viewport": PHONE, "device_scale_factor": 2} if phone else {"viewport": DESK}
    context = browser.new_context(base_url=site.url, locale="zh-CN", timezone_id="Asia/Shanghai", **shape)
    context.set_default_timeout(FILMS_WITHIN_MS)
    page = context.new_page()
    if role == WRITER:
        page.goto("/login")
        page.locator("#login").fill(role)
        page.locator("#password").fill(site.password)
        page.locator("main button.primary").click()
        page.wait_for_url(f"{site.url}/")
    else:
        page.goto(site.link(role))
        page.goto("/")
    page.wait_for_timeout(500)
    skip = page.locator("dialog.tour .button.plain")
    if skip.count():
        skip.click()
        page.wait_for_timeout(300)
    return page


def a_written_one(page: Page) -> str:
    """A consult whose opinion this person is writing; its address's last part."""
    page.goto("/worklist?state=reporting")
    rows = page.locator("table.worklist .who a")
    if not rows.count():
        raise SystemExit("Nobody writes an opinion in the sample county.")
    return str(rows.first.get_attribute("href")).rsplit("/", 1)[-1]


def main() -> int:
    """Make all pictures. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="tools/screenshots.py", description="Makes the README's pictures.")
    parser.add_argument("--data", type=Path, help="a sample county to use again")
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(given.data or Path(folder) / "data") as site,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        written = a_written_one(somebody(browser, site, WRITER, phone=False))
        for one in pictures(site.consult, written):
            page = somebody(browser, site, one.role, phone=one.phone)
            page.goto(one.path)
            page.wait_for_timeout(1200)
            if one.ready is not None:
                one.ready(page)
            made = squeezed(page.screenshot())
            (PICTURES / f"{one.name}.png").write_bytes(made)
            sys.stderr.write(f"{one.name}.png  {len(made) // 1000} kB\n")
            page.context.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
