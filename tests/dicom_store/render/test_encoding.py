"""Grey or colours become a picture of each form; what a form cannot hold is refused, not broken."""

import io

import numpy as np
import pytest
from PIL import Image

from dicom_store.errors import NotRenderable
from dicom_store.render.encoding import encode
from dicom_store.render.look import Look, PictureKind


def smooth(*shape: int) -> np.ndarray:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    grey = (rows + columns).astype(np.uint8)
    return grey if len(shape) == 2 else np.dstack([grey, 255 - grey, grey // 2])


@pytest.mark.parametrize("kind", PictureKind)
@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_every_form_shows_what_was_given(kind: PictureKind, shape: tuple[int, ...]) -> None:
    shown = smooth(*shape)
    body, width, height = encode(shown, 1.0, Look(kind=kind))
    assert (width, height) == (60, 40)
    image = Image.open(io.BytesIO(body))
    assert (Image.MIME[str(image.format)], image.size) == (kind.value, (60, 40))
    back = np.asarray(image.convert("L" if len(shape) == 2 else "RGB"))
    assert np.abs(back.astype(int) - shown).mean() < 2


@pytest.mark.parametrize(("quality", "subsampled"), [(89, True), (90, False)])
def test_colours_keep_their_sharpness_at_high_quality(quality: int, subsampled: bool) -> None:
    body, _, _ = encode(smooth(64, 64, 3), 1.0, Look(quality=quality))
    sampling = {layer[1:3] for layer in Image.open(io.BytesIO(body)).layer}  # type: ignore[attr-defined]
    assert ((2, 2) in sampling) is subsampled


@pytest.mark.parametrize("kind", [PictureKind.JPEG, PictureKind.WEBP])
@pytest.mark.parametrize(("shape", "height"), [((2, 70_000), 1.0), ((70_000, 2), 1.0), ((40_000, 2), 3.0)])
def test_what_a_form_cannot_hold_is_refused(kind: PictureKind, shape: tuple[int, int], height: float) -> None:
    with pytest.raises(NotRenderable):
        encode(np.zeros(shape, np.uint8), height, Look(kind=kind))
    body, *_ = encode(np.zeros(shape, np.uint8), height, Look(kind=kind, box=(500, 500)))
    assert max(Image.open(io.BytesIO(body)).size) <= 500
