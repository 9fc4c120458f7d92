"""Teaching copies: films without the patient, made by the standard's own table. Works on files, not on the archive.

May import tagwalk, errors; uses pydicom, since it writes data sets anew.
"""
