"""The specialist's opinion: drafted under a lock, signed once, printed, and checkable by strangers for ever.

For: reports of consults, their PDF and signature. May import consults and everything below; never results, desk or
the pages of others. Films reach it by `ports.KeyImages` only.
"""
