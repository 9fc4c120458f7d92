"""The archive's composition root: builds every part, mounts every route; reads like a parts list."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from aiohttp import web

from dicom_store.archive import Archive, open_archive
from dicom_store.dicomweb import qido, rendered, stow, wado, wadouri
from dicom_store.labs import routes as lab_routes
from dicom_store.labs.ingest import LabIngest
from dicom_store.ports import Gatekeeper, Translate
from dicom_store.render.ahead import Ahead
from dicom_store.render.near import Near
from dicom_store.render.pictures import WARM, Render
from dicom_store.render.transcoded import Transcode
from dicom_store.uploads import routes as upload_routes
from dicom_store.uploads.finish import Finisher
from dicom_store.uploads.reception import Reception
from dicom_store.uploads.shelf import Shelf
from dicom_store.workers import Workers

__all__ = ["Archive", "WebRooms", "create_app", "mount", "open_archive", "routes"]


class WebRooms:
    """What only the process with the HTTP doors has: workers for pictures and the reception of uploads.

    Open it (`async with`) before the first request, close it after the last.
    """

    def __init__(self, archive: Archive, gatekeeper: Gatekeeper) -> None:
        settings = archive.settings
        folder = settings.data_dir / "uploads"
        self._workers = Workers(count=settings.workers, warm=WARM, at_once=settings.warm_workers)
        self._near = Near()
        self._warm = settings.warm_workers
        self.render = Render(self._workers, archive.films, near=self._near)
        self.ahead = Ahead(self.render, archive.index)
        self._looking: asyncio.Task[None] | None = None
        self.transcode = Transcode(self._workers, archive.films)
        finisher = Finisher(archive.ingest, self._workers, folder)
        self.reception = Reception(Shelf(folder, archive.blobs.keys), archive.blobs, finisher, settings.clock)
        self.lab_ingest = LabIngest(archive.labs, gatekeeper, settings.clock)

    async def __aenter__(self) -> Self:
        await self._workers.__aenter__()
        if self._warm:
            self._near.warm()
        await self.reception.start()
        # Owned here and ended by leaving.
        self._looking = asyncio.get_running_loop().create_task(self.ahead.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self.reception.close()
        self._near.close()
        await self._workers.__aexit__(None, None, None)


def routes(archive: Archive, rooms: WebRooms, gatekeeper: Gatekeeper, translate: Translate) -> list[web.RouteDef]:
    """Every HTTP route of the archive; each handler names its `permission`."""
    return [
        *stow.routes(archive, gatekeeper, translate),
        *qido.routes(archive, gatekeeper, translate),
        *wado.routes(archive, rooms.transcode, gatekeeper, translate),
        *rendered.routes(archive, rooms.render, rooms.ahead, gatekeeper, translate),
        *wadouri.routes(archive, rooms.render, rooms.transcode, gatekeeper, translate),
        *upload_routes.routes(rooms.reception, gatekeeper, translate),
        *lab_routes.routes(rooms.lab_ingest, gatekeeper, translate),
    ]


def mount(app: web.Application, archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> WebRooms:
    """Put the archive's doors on an application, which opens and closes what stands behind them.

    The runner should have `read_bufsize` 1 MiB: films are large.
    """
    rooms = WebRooms(archive, gatekeeper)
    app.add_routes(routes(archive, rooms, gatekeeper, translate))

    async def keep_open(_app: web.Application) -> AsyncIterator[None]:
        async with rooms:
            yield

    app.cleanup_ctx.append(keep_open)
    return rooms


def create_app(archive: Archive, gatekeeper: Gatekeeper, translate: Translate) -> web.Application:
    """The archive as an application of its own."""
    app = web.Application()
    mount(app, archive, gatekeeper, translate)
    return app
