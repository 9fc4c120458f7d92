"""The archive: keeps films (DICOM instances) and lab reports byte-true, finds them, shows them.

It runs inside the clinic's web process or alone with `python -m dicom_store`. It knows nothing of patients' cases,
consults or users: who asks is an opaque `Caller`, what the caller may touch is a `Scope` that its Gatekeeper answers.
It never imports `teleconsult` or `signaling`.
"""
