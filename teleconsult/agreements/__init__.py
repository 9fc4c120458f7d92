"""Agreements between institutions, with dates and fees; consent texts, and the consents that patients gave.

A consult is institution to institution, under an agreement, with a consent. May import notifications and below.
"""
