"""The archive's network listener for modalities: C-ECHO, C-STORE, C-FIND. Runs in a process of its own.

May import query, ingest, storage and what lies below; knows neither HTTP nor its neighbours dicomweb and uploads.
pynetdicom lives here only.
"""
