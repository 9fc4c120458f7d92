"""The duty roster: which specialist is on duty when, week by week, per institution and department.

May import people and agreements and what lies below. Consults ask it who gets an emergency (port `Roster`), the first
page whom one may call now.
"""
