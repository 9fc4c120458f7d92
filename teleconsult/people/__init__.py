"""Institutions, their people and their patients: who somebody is, never what they may do in a case.

May import audit and what is below it.
"""
