"""Logs people in: passwords, sessions, tokens, and which role may do what. Never what happens in a case.

May import people and what is below it.
"""
