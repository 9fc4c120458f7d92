"""Deadlines: how long each step may take, on a calendar of working days, and telling when time runs out.

Knows subjects only by id and states only by their texts; the rooms above say which clock runs. May import notifications
and below.
"""
