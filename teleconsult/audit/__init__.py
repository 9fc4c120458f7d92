"""Who did what to whom: append-only rows, sealed into a hash chain with signed anchors.

Every room writes here, in its own transaction. May import http, events, db and what is below them.
"""
