"""The web plumbing of the clinic, without medicine: guard, errors, languages, forms, headers, idempotency.

For every room's `routes` and `pages`. May import events, db and what is below them; knows no room.
"""
