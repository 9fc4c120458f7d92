"""The exchange: rooms, seats and a relay that never decodes.

It runs as the clinic's media process or alone with `python -m signaling`. It knows no SQL and no medicine: rooms and
participants are opaque words on signed tickets. It never imports `teleconsult` or `dicom_store`.
"""
