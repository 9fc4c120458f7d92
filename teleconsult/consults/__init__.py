"""The consult: a request from one institution to another, its conversation, and every move it can make.

May import agreements, deadlines, notifications, people, audit, http and below. What it needs from the archive and the
duty roster stands in `ports`. Reports and scheduling join its transactions through `service.Consults`.
"""
