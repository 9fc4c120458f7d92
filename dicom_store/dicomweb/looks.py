"""What a request for a picture asks for: the Accept header and the query of PS3.18 8.3.5, as a `Look`. Pure."""

from collections.abc import Mapping

from dicom_store.errors import NotRenderable, QueryRefused
from dicom_store.render.look import Look, PictureKind, Region, Window, WindowFunction

_MAX_ACCEPT_CHARS = 2000
PRESETS = {
    "abdomen": Window(60, 400),
    "angio": Window(300, 600),
    "bone": Window(500, 2000),
    "brain": Window(40, 80),
    "liver": Window(90, 150),
    "lung": Window(-600, 1500),
    "mediastinum": Window(50, 350),
    "spine": Window(50, 250),
    "stroke": Window(35, 30),
}
"""Windows for CT by their usual names, in HU: `window=lung`."""


def kind_for(accept: str) -> PictureKind:
    """Choose the media type of a picture.

    Args:
        accept: The Accept header or query parameter; "" takes anything.

    Returns:
        The wanted kind; a kind that is named wins over a wildcard of the same weight, then JPEG, PNG, WebP in turn.

    Raises:
        NotRenderable: None of ours is wanted.
    """
    weights = {kind: _weight(kind, accept[:_MAX_ACCEPT_CHARS] or "*/*") for kind in PictureKind}
    best = max(PictureKind, key=lambda kind: weights[kind])
    if weights[best][0] <= 0:
        raise NotRenderable("Pictures are available as JPEG, PNG and WebP only.", code="accept")
    return best


def _weight(kind: PictureKind, accept: str) -> tuple[float, int]:
    best = (-1, 0.0)  # how exactly a range names the kind, its q
    for part in accept.split(","):
        words = [word.strip().lower() for word in part.split(";")]
        exactness = {kind.value: 2, "image/*": 1, "*/*": 0}.get(words[0].strip('"'), -1)
        if exactness > best[0]:
            best = (exactness, _q(words[1:]))
    return (best[1], best[0]) if best[0] >= 0 else (0.0, -1)


def _q(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0


def look_for(query: Mapping[str, str], accept: str) -> Look:
    """Read a request's wishes.

    Args:
        query: `window=centre,width[,function]` or a name of `PRESETS`, `viewport=width,height[,left,top,width,height]`
            where a negative width or height of the part mirrors it, `quality`, `accept`.
        accept: The Accept header; the query's wins.

    Raises:
        QueryRefused: A value that cannot be understood or is out of limits.
        NotRenderable: None of our media types is wanted.
    """
    kind = kind_for(query.get("accept", accept))
    box, region = _viewport(query.get("viewport"))
    try:
        return Look(
            kind=kind,
            window=_window(query.get("window")),
            box=box,
            region=region,
            quality=_whole(query["quality"], "quality") if "quality" in query else 90,
        )
    except NotRenderable as refused:
        raise QueryRefused(refused.message, code=refused.code, **refused.fields) from refused


def _window(text: str | None) -> Window | None:
    if text is None:
        return None
    if text.lower() in PRESETS:
        return PRESETS[text.lower()]
    words = text.split(",")
    try:
        function = WindowFunction(words[2].lower().replace("_", "-")) if len(words) == 3 else WindowFunction.LINEAR
        window = Window(float(words[0]), float(words[1]), function)
    except (ValueError, IndexError):
        raise _not_understood("window") from None
    if len(words) > 3 or not window.usable():
        raise _not_understood("window")
    return window


def _viewport(text: str | None) -> tuple[tuple[int, int] | None, Region | None]:
    if text is None:
        return None, None
    words = text.split(",")
    if len(words) not in (2, 6):
        raise _not_understood("viewport")
    box = _whole(words[0], "viewport"), _whole(words[1], "viewport")
    if len(words) == 2:
        return box, None
    left, top = (_whole(word or "0", "viewport") for word in words[2:4])
    width, height = (_whole(word.removeprefix("-") or "0", "viewport") for word in words[4:])
    mirrored = tuple(word.startswith("-") for word in words[4:])
    return box, Region(left, top, width, height, mirror_x=mirrored[0], mirror_y=mirrored[1])


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise _not_understood(name)
    return int(text)


def _not_understood(name: str) -> QueryRefused:
    return QueryRefused("The value of {name} cannot be understood.", code="bad_parameter", name=name)
