"""A small site for the scripts of the pages: the built front end, films behind a minimal DICOMweb, the strict policy.

It must not know the clinic or the archive: what is tested here is what the browser does.
"""

import io
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    generate_uid,
)

REPOSITORY = Path(__file__).parents[2]
DIST = REPOSITORY / "web" / "dist"
STATIC = REPOSITORY / "web" / "static"
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--use-angle=swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
]
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'"
)
CT = "1.2.840.10008.5.1.4.1.1.2"
US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"
DIGITAL_XRAY = "1.2.840.10008.5.1.4.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STRUCTURED_REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


# ---------------------------------------------------------------- films
def _general(sop_class: str, modality: str, study: dict[str, str], series: dict[str, Any], number: int) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = study["uid"]
    ds.StudyDate = study["date"]
    ds.StudyTime = "091200"
    ds.StudyDescription = study["description"]
    ds.SeriesInstanceUID = series["uid"]
    ds.SeriesNumber = series["number"]
    ds.SeriesDescription = series["description"]
    ds.Modality = modality
    ds.PatientName = "Gao^Shoutian=高守田"
    ds.PatientID = "P1"
    ds.PatientSex = "M"
    ds.PatientAge = "067Y"
    ds.InstitutionName = "青石镇中心卫生院"
    ds.InstanceNumber = number
    return ds


def _pixels(ds: Dataset, pixels: np.ndarray, bits: int = 16, signed: bool = False) -> Dataset:
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
    ds.Rows, ds.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = bits
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = int(signed)
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


def ct_slice(study: dict[str, str], series: dict[str, Any], number: int, frame_of_reference: str) -> Dataset:
    """A round chest with two lungs and a bright nodule that grows to the middle of the series."""
    size = 256
    y, x = np.mgrid[0:size, 0:size].astype(np.float64)
    hu = np.full((size, size), -1000.0)
    hu[((x - 128) / 110) ** 2 + ((y - 128) / 85) ** 2 < 1] = 40
    for centre in (80, 176):
        hu[((x - centre) / 34) ** 2 + ((y - 128) / 60) ** 2 < 1] = -850
    hu[(x - 128) ** 2 + (y - 188) ** 2 < 14**2] = 700
    hu[(x - 80) ** 2 + (y - 110) ** 2 < (4 + number) ** 2] = 60
    hu += np.random.default_rng(number).normal(0, 12, hu.shape)
    ds = _general(CT, "CT", study, series, number)
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = "40", "400", "LINEAR"
    ds.PixelSpacing = ["1.4", "1.4"]
    ds.SliceThickness = "5"
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.ImagePositionPatient = ["-179", "-179", str(-100 - 5 * number)]
    ds.FrameOfReferenceUID = frame_of_reference
    return _pixels(ds, np.clip(np.round(hu + 1024), 0, 4095).astype(np.uint16))


def _series(number: int, description: str) -> dict[str, Any]:
    return {"uid": generate_uid(), "number": number, "description": description}


def _compressed(ds: Dataset, syntax: str) -> Dataset:
    if syntax == RLELossless:
        ds.compress(syntax, generate_instance_uid=False)
        return ds
    pixels = ds.shown = ds.pixel_array  # for the previews: not every codec decodes here
    if syntax == JPEG2000Lossless:
        code = imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", reversible=True)
    else:
        code = imagecodecs.htj2k_encode(pixels, reversible=True)
    ds.PixelData = encapsulate([bytes(code)])
    ds.file_meta.TransferSyntaxUID = syntax
    return ds


def _jpeg(ds: Dataset, pixels: np.ndarray) -> Dataset:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90, subsampling=0)
    ds = _pixels(ds, pixels, bits=8)
    ds.PhotometricInterpretation = "YBR_FULL"
    ds.PixelData = encapsulate([out.getvalue()])
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return ds


@dataclass
class Films:
    """All films of the site, by study, series and instance."""

    all: list[Dataset] = field(default_factory=list)
    now: dict[str, str] = field(
        default_factory=lambda: {"uid": generate_uid(), "date": "20261120", "description": "胸部 CT 平扫"}
    )
    then: dict[str, str] = field(
        default_factory=lambda: {"uid": generate_uid(), "date": "20260514", "description": "胸部 CT 平扫"}
    )
    chosen: dict[str, str] = field(default_factory=dict)

    def find(self, study: str, series: str = "", instance: str = "") -> list[Dataset]:
        return [
            ds
            for ds in self.all
            if ds.StudyInstanceUID == study
            and series in ("", ds.SeriesInstanceUID)
            and instance in ("", ds.SOPInstanceUID)
        ]


def _add_ct(films: Films) -> None:
    space = generate_uid()
    for study, count, name in ((films.now, 12, "肺窗 1.0"), (films.then, 6, "肺窗 2.0")):
        series = _series(1, name)
        films.all += [ct_slice(study, series, n, space) for n in range(1, count + 1)]
        films.chosen["ct" if study is films.now else "prior"] = series["uid"]


PACKED = (("RLE", RLELossless), ("JPEG 2000", JPEG2000Lossless), ("HTJ2K", HTJ2KLossless))


def _add_compressed(films: Films) -> None:
    space = generate_uid()
    for number, (name, syntax) in enumerate(PACKED, start=2):
        series = _series(number, name)
        films.all += [_compressed(ct_slice(films.now, series, n, space), syntax) for n in (1, 2)]
        films.chosen[name] = series["uid"]
    rows, columns = np.mgrid[0:200, 0:240]
    colours = np.stack([columns % 256, rows % 256, (columns + rows) % 256], axis=-1).astype(np.uint8)
    series = _series(5, "JPEG")
    films.all.append(_jpeg(_general(SECONDARY_CAPTURE, "OT", films.now, series, 1), colours))
    films.chosen["JPEG"] = series["uid"]
    loop = np.stack([np.roll(colours, 20 * n, axis=1) for n in range(6)])
    series = _series(6, "Loop")
    ds = _pixels(_general(US_MULTIFRAME, "US", films.now, series, 1), loop, bits=8)
    ds.NumberOfFrames, ds.FrameTime = 6, "100"
    films.all.append(ds)
    films.chosen["Loop"] = series["uid"]


def _add_others(films: Films) -> None:
    series = _series(7, "DX")
    ds = _general(DIGITAL_XRAY, "DX", films.now, series, 1)
    ramp = np.linspace(0, 4095, 300 * 240).reshape(300, 240).astype(np.uint16)
    films.all.append(_pixels(ds, ramp))
    ds.PhotometricInterpretation = "MONOCHROME1"
    ds.WindowCenter, ds.WindowWidth = "2048", "4096"
    films.chosen["DX"] = series["uid"]
    series = _series(8, "Report")
    films.all.append(_general(STRUCTURED_REPORT, "SR", films.now, series, 1))
    films.chosen["SR"] = series["uid"]


@pytest.fixture(scope="session")
def films() -> Films:
    made = Films()
    _add_ct(made)
    _add_compressed(made)
    _add_others(made)
    return made


# ---------------------------------------------------------------- the site
PAGE = """<!doctype html><html lang="en" data-icons="/static/icons.svg"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Reading room</title>
<meta name="csrf-token" content="token-of-this-page"><link rel="icon" href="data:,">
{styles}<script type="module" src="/dist/{entry}"></script></head>{body}</html>"""

ROOM = """<body class="room reading"><header class="top"><a class="link" href="/back">Back</a>
<h1 class="unseen">Reading: 高守田</h1><div class="patient"><b>高守田</b><span class="num">M 67 1959-03-12</span></div>
<p class="question">Right upper lobe nodule?</p></header>
<main data-module="viewer" data-dicomweb="/dicomweb" data-studies='{studies}' data-priors='[]' data-consult="C1"
 data-key-images="/api/v1/consults/C1/key-images" {extra}></main></body>"""


@dataclass
class Site:
    """What the browser talks to, and what it said."""

    films: Films
    url: str = ""
    posted: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    frames_held: bool = False

    def page(self, **options: str) -> str:
        return f"{self.url}/room?" + "&".join(f"{name}={value}" for name, value in options.items())


def entry() -> str:
    manifest = json.loads((DIST / ".vite" / "manifest.json").read_text())
    return str(manifest["src/main.ts"]["file"])


def page(body: str, styles: tuple[str, ...] = ("tokens", "room")) -> web.Response:
    links = "".join(f'<link rel="stylesheet" href="/static/css/{name}.css">' for name in styles)
    text = PAGE.format(styles=links, entry=entry(), body=body)
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})


def _json(rows: list[dict[str, Any]]) -> web.Response:
    return web.Response(text=json.dumps(rows), content_type="application/dicom+json")


def _metadata(ds: Dataset) -> dict[str, Any]:
    bare = Dataset({tag: element for tag, element in ds.items() if tag != 0x7FE00010})
    return dict(bare.to_json_dict())


def _grey(ds: Dataset, frame: int) -> Image.Image:
    pixels = getattr(ds, "shown", None)
    if pixels is None:
        pixels = ds.pixel_array
    if getattr(ds, "NumberOfFrames", 1) > 1:
        pixels = pixels[frame - 1]
    if pixels.ndim == 3:
        return Image.fromarray(pixels)
    window = np.clip((pixels.astype(np.float64) - pixels.min()) / max(1, np.ptp(pixels)) * 255, 0, 255)
    return Image.fromarray(window.astype(np.uint8))


def _picture(ds: Dataset, frame: int, size: int) -> web.Response:
    image = _grey(ds, frame)
    image.thumbnail((size, size))
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=60)
    return web.Response(body=out.getvalue(), content_type="image/jpeg")


def _frame(ds: Dataset, number: int) -> web.Response:
    syntax = ds.file_meta.TransferSyntaxUID
    frames = int(getattr(ds, "NumberOfFrames", 1))
    if syntax.is_compressed:
        body = list(generate_frames(ds.PixelData, number_of_frames=frames))[number - 1]
    else:
        length = len(ds.PixelData) // frames
        body = ds.PixelData[(number - 1) * length : number * length]
    head = f"--cut\r\nContent-Type: application/octet-stream; transfer-syntax={syntax}\r\n\r\n".encode()
    return web.Response(
        body=head + body + b"\r\n--cut--\r\n",
        headers={"Content-Type": 'multipart/related; type="application/octet-stream"; boundary=cut'},
    )


def dicomweb(site: Site) -> list[web.RouteDef]:
    films = site.films

    async def studies(request: web.Request) -> web.Response:
        return _json([_metadata(ds) for ds in films.find(request.query["StudyInstanceUID"])[:1]])

    async def series(request: web.Request) -> web.Response:
        rows: dict[str, dict[str, Any]] = {}
        for ds in films.find(request.match_info["study"]):
            row = rows.setdefault(ds.SeriesInstanceUID, _metadata(ds))
            count = row.setdefault("00201209", {"vr": "IS", "Value": [0]})
            count["Value"][0] += 1
        return _json(list(rows.values()))

    async def instances(request: web.Request) -> web.Response:
        at = int(request.query.get("offset", "0"))
        return _json([_metadata(ds) for ds in films.find(**request.match_info)[at : at + 1]])

    async def metadata(request: web.Request) -> web.Response:
        return _json([_metadata(ds) for ds in films.find(**request.match_info)])

    async def thumbnail(request: web.Request) -> web.Response:
        ds = films.find(**request.match_info)[0]
        return _picture(ds, 1, 128) if "PixelData" in ds else web.Response(status=404)

    async def rendered(request: web.Request) -> web.Response:
        names = {name: request.match_info[name] for name in ("study", "series", "instance")}
        size = int(request.query["viewport"].split(",")[0])
        return _picture(films.find(**names)[0], int(request.match_info.get("frame", "1")), size)

    async def frame(request: web.Request) -> web.Response:
        if site.frames_held:
            raise web.HTTPServiceUnavailable
        names = {name: request.match_info[name] for name in ("study", "series", "instance")}
        return _frame(films.find(**names)[0], int(request.match_info["frame"]))

    one = "/dicomweb/studies/{study}/series/{series}"
    return [
        web.get("/dicomweb/studies", studies),
        web.get("/dicomweb/studies/{study}/series", series),
        web.get(one + "/instances", instances),
        web.get(one + "/metadata", metadata),
        web.get(one + "/thumbnail", thumbnail),
        web.get(one + "/instances/{instance}/rendered", rendered),
        web.get(one + "/instances/{instance}/frames/{frame}/rendered", rendered),
        web.get(one + "/instances/{instance}/frames/{frame}", frame),
    ]


def site_app(site: Site) -> web.Application:
    async def room(request: web.Request) -> web.Response:
        studies = [site.films.now["uid"]] + ([site.films.then["uid"]] if "prior" in request.query else [])
        wanted = request.query.get("series")
        extra = f'data-series="{site.films.chosen[wanted]}"' if wanted else ""
        if "cpu" in request.query:
            extra += " data-cpu"
        return page(ROOM.format(studies=json.dumps(studies), extra=extra))

    async def key_image(request: web.Request) -> web.Response:
        site.posted.append(await request.json())
        site.headers.append(dict(request.headers))
        return web.json_response({"id": str(len(site.posted))}, status=201)

    async def key_images(_request: web.Request) -> web.Response:
        return web.json_response({"items": []})

    app = web.Application()
    app.add_routes(dicomweb(site))
    app.add_routes(
        [
            web.get("/room", room),
            web.post("/api/v1/consults/C1/key-images", key_image),
            web.get("/api/v1/consults/C1/key-images", key_images),
            web.static("/dist", DIST),
            web.static("/static", STATIC),
        ]
    )
    return app


@pytest_asyncio.fixture(loop_scope="session")
async def site(films: Films) -> AsyncIterator[Site]:
    made = Site(films)
    async with TestServer(site_app(made)) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("There is no Chromium on this machine: the scripts of the pages are not tried in a browser.")
    if not (DIST / ".vite" / "manifest.json").exists():
        pytest.skip("The front end is not built (make web): the scripts of the pages are not tried in a browser.")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield chromium
        await chromium.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console complained about while a test's pages were open."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, complaints: list[str]) -> AsyncIterator[Callable[..., Any]]:
    """Open an address at a size; whatever the console says against it is kept in `complaints`."""
    pages: list[Page] = []

    async def opened(url: str, width: int = 1440, height: int = 900, **context: Any) -> Page:
        made = await browser.new_context(viewport={"width": width, "height": height}, **context)
        tab = await made.new_page()
        pages.append(tab)
        tab.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        tab.on("console", lambda line: complaints.append(f"{line.type}: {line.text}") if line.type == "error" else None)
        await tab.goto(url)
        return tab

    yield opened
    for tab in pages:
        await tab.context.close()
