"""The door for people with a poor line: resumable uploads (tus 1.0) that end in `ingest`.

For: films, discs and folders as zip, photos, PDF and short videos from a browser. May import: `ingest` and below,
aiohttp in `routes` only. Every upload belongs to the caller who began it; nobody else can tell that it exists.

`protocol` decides (pure), `parts` and `shelf` keep, `finish` turns a complete upload into films, `routes` is the door.
"""
