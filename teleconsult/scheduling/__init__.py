"""Who meets whom, when, and in which media room: appointments, calls, seats, and what happened in them.

Speaks to the exchange by its port `MediaRooms` only. May import consults and below; a stranger to followups, whose
visits it judges by the port `Visits`.
"""
