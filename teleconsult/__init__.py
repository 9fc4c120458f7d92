"""The clinic: people, consults, reports and the pages.

Owns its database; knows the archive and the exchange, they not it.
"""
