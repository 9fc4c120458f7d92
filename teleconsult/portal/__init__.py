"""The patients' pages: from a link and a code to their visit, and what the doctor said. Only reads; others decide.

May import followups, scheduling and everything below; strangers to `desk`.
"""
