"""What machines sent and no case holds yet: films and lab reports that wait for a person, or match by themselves.

May import consults, people and what lies below. What stands in a film's header or a report's first lines it learns by
the port `Holdings`; the bridge tells it of arrivals.
"""
