"""Any relay with WHIP and WHEP as the thing to load."""

import asyncio

import aiohttp


class StandardDoor:
    """Opens publishers and subscribers; used as `async with`.

    Args:
        url: Where `/whip/{room}` and `/whep/{room}` are.
        token: Bearer.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._opened: list[str] = []

    async def __aenter__(self) -> "StandardDoor":
        self._http = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(self._end(url) for url in self._opened))
        await self._http.close()

    async def publish(self, peer, room: int, publisher: int) -> None:
        await self._open(peer, f"whip/room-{room}?publisher=p{publisher}", "sendonly")

    async def play(self, peer, room: int, publisher: int) -> None:
        await self._open(peer, f"whep/room-{room}?publisher=p{publisher}", "recvonly")

    async def _open(self, peer, path: str, direction: str) -> None:
        headers = {"Content-Type": "application/sdp"}
        async with self._http.post(f"{self._url}/{path}", data=peer.offer(direction), headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                raise RuntimeError(f"{path}: {response.status} {text}")
            self._opened.append(self._url + response.headers["Location"])
        await peer.connect(text)

    async def _end(self, url: str) -> None:
        async with self._http.delete(url):
            pass
