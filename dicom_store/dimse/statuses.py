"""The one table of DIMSE statuses: what an error of the tree is to the machine that sent something.

Source: DICOM PS3.7 annex C; PS3.4 B.2.3 (C-STORE), C.4.1.1.4 (C-FIND).
"""

from dicom_store.errors import ArchiveError, FilmRefused, NotAllowed, NotIdentified, QueryRefused, Unavailable

SUCCESS = 0x0000
PENDING = 0xFF00
CANCELLED = 0xFE00
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
"""Try again later: modalities keep the film in their queue."""
IDENTIFIER_MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
# Of N-ACTION: PS3.7 annex C.
NO_SUCH_ACTION = 0x0123
INVALID_ARGUMENT = 0x0115
RESOURCE_LIMITATION = 0x0213

_STATUS: dict[type[ArchiveError], int] = {
    NotIdentified: NOT_AUTHORISED,
    NotAllowed: NOT_AUTHORISED,
    QueryRefused: IDENTIFIER_MISMATCH,
    Unavailable: OUT_OF_RESOURCES,
}

# Why an association is not made: result, source, reason. PS3.8 table 9-21.
CALLING_AE_UNKNOWN = (0x01, 0x01, 0x03)
TOO_BUSY = (0x02, 0x03, 0x02)


def status_of(error: ArchiveError) -> int:
    """The status of an error; of the nearest class in the table."""
    if isinstance(error, FilmRefused):
        return error.failure_reason
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), CANNOT_UNDERSTAND)


def action_status_of(error: ArchiveError) -> int:
    """The status of an error as N-ACTION says it."""
    if isinstance(error, Unavailable):
        return RESOURCE_LIMITATION
    return INVALID_ARGUMENT if isinstance(error, QueryRefused) else NOT_AUTHORISED
