"""Lab results on a consult: typed by staff, shown as tables with units, ranges, flags and trends, critical ones noted.

The reports themselves live in the archive, behind `ports.LabStore`. May import consults and everything below.
"""
