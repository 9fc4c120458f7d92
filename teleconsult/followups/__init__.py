"""Follow-ups: after (or during) a consult the patient is seen again by video; what came of it, and what comes next.

May import consults and below; a stranger to scheduling, whose diary it uses by a port.
"""
