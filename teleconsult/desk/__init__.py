"""What spans rooms and only reads: the first page, the worklist, the consult's page, help.

May import the rooms below; changes nothing itself: moves and messages go to the consults room, which judges them.
"""
