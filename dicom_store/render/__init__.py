"""From a film to a picture a browser shows: decoded, shaded, made square, scaled, encoded.

For: the rendered and thumbnail answers of `dicomweb`, and key images in reports. May import: `ingest` and below,
pydicom, numpy, Pillow. Everything that touches pixels runs in a worker (`work.py`); the archive itself only keeps
the cache (`pictures.py`). A film that cannot be shown for certain is refused (`NotRenderable`), never shown wrong.

Public: `pictures.Render`, `pictures.Picture`, `look.Look`, `look.Window`.
"""
