"""Copies of a whole site: taken while it runs, checked, put back into an empty folder.

For: the commands `backup` and `restore`. May import settings, the vault and the error tree; knows files, databases and
their order, and nothing of medicine. The site's key never goes along unless it is asked for.
"""
