"""Writes `dicom_store/dictionary.txt` from pydicom's dictionaries; run it after pydicom learnt a new edition.

A line is tag, value representation, keyword; `x` stands for any digit. A test says when the file is out of date.
"""

from pathlib import Path

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

TARGET = Path(__file__).parent.parent / "dicom_store" / "dictionary.txt"


def text() -> str:
    """What the file ought to hold."""
    single = (f"{tag:08X} {entry[0].replace(' ', '_')} {entry[4]}" for tag, entry in sorted(DicomDictionary.items()))
    many = (f"{tag} {entry[0].replace(' ', '_')} {entry[4]}" for tag, entry in sorted(RepeatersDictionary.items()))
    return "".join(f"{line}\n" for line in (*single, *many))


if __name__ == "__main__":
    TARGET.write_text(text())
