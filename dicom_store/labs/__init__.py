"""Lab reports: their door and their store.

`model` says what a report is, `units` and `flags` judge numbers, `hl7`, `oru` and `form` read what comes in, `ingest`
is the one door, `store` keeps reports encrypted, `mllp` and `routes` speak with the outside. May import what lies below
the archive's `labs` floor; knows nothing of films, of the clinic's patients or of pages.
"""
