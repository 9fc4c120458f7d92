"""Where to go after a form: only to a page of this very site."""

from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

_LONGEST = 500


def own_path(text: str, otherwise: str = "/") -> str:
    """A path that came from outside, or the other one when it could lead away from this site.

    Browsers read two slashes, or a slash and a backslash, as another site, and strip tabs and line ends first.
    """
    safe = text.startswith("/") and not text.startswith(("//", "/\\")) and len(text) <= _LONGEST
    return text if safe and text.isprintable() and "\\" not in text else otherwise


def with_words(path: str, **words: str) -> str:
    """A path with query words; an empty word is left out."""
    told = {name: word for name, word in words.items() if word}
    return f"{path}?{urlencode(told)}" if told else path


def see_other(path: str) -> web.Response:
    """Send a browser on after a form. An answer and no exception: a form that comes twice gets this very one again."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
