"""The sample county: made-up institutions, people, patients and cases, made through the services like real ones.

Only the demo loads it. Nothing here inserts a row: what the sample can do, a clinic can do.
"""
