"""What the room needs from outside: where this site takes films and lab reports."""

from dataclasses import dataclass

AET = "TELECONSULT"
"""Our AE title; calls to another are refused."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The two network doors, in the words an engineer types into a machine.

    Attributes:
        aet: Our AE title.
        dimse: Address and port of the DICOM door.
        mllp: Address and port of the HL7 door.
    """

    aet: str
    dimse: str
    mllp: str
