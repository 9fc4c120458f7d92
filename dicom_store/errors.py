"""The archive's error tree.

    ArchiveError
    ├── Refused                  the caller's fault; the text may be shown and is translated by its `message`
    │   ├── NotIdentified        no or unknown credentials
    │   ├── NotAllowed           identified, but without the right
    │   ├── NotFound             not there, or not for this caller: the two are never told apart
    │   ├── FilmRefused          one instance is not kept; carries the DICOM FailureReason
    │   ├── QueryRefused         a search that cannot be understood or is too wide
    │   ├── RequestRefused       an HTTP request out of its protocol (media type, size, range); carries its HTTP status
    │   ├── UploadRefused        a resumable upload out of its protocol; carries its HTTP status
    │   ├── LabRefused           one lab report is not kept
    │   └── NotRenderable        kept, but cannot be shown as a picture
    └── Unavailable              the outside world's fault (worker lost, disk error); `retry_after`
        └── StorageFull          no room for more films; reading goes on

Everything else is a bug and propagates. HTTP codes live in the table of `doors`, DIMSE codes in `dimse`.
"""

from datetime import timedelta
from typing import Self


class ArchiveError(Exception):
    """Root of the tree."""


class Refused(ArchiveError):
    """The caller's fault.

    Args:
        message: A gettext msgid with `{name}` fields, safe to show: never holds patient data.
        code: A stable machine word for scripts and tests.
        fields: Values for the message's fields.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, **fields: object) -> None:
        self.message = message
        self.fields = fields
        if code is not None:
            self.code = code
        super().__init__(message.format(**fields) if fields else message)


class NotIdentified(Refused):
    """No or unknown credentials."""

    code = "not_identified"


class NotAllowed(Refused):
    """The caller is known but lacks the right."""

    code = "not_allowed"


class NotFound(Refused):
    """Not there, or not for this caller."""

    code = "not_found"


class FilmRefused(Refused):
    """One instance is not kept.

    Args:
        failure_reason: DICOM status, PS3.18 table I.2-2 and PS3.4 annex B.2.3.
    """

    code = "film_refused"

    sop_class = ""
    instance = ""

    def __init__(self, message: str, *, failure_reason: int, code: str | None = None, **fields: object) -> None:
        self.failure_reason = failure_reason
        super().__init__(message, code=code, **fields)

    def about(self, sop_class: str, instance: str) -> Self:
        """Say which film was refused, as far as it is known."""
        self.sop_class = sop_class
        self.instance = instance
        return self


class QueryRefused(Refused):
    """A search that cannot be understood or is too wide."""

    code = "query_refused"


class RequestRefused(Refused):
    """An HTTP request out of its protocol.

    Args:
        status: HTTP status: 406 nothing acceptable, 413 too large, 415 wrong media type, 416 bad range.
    """

    code = "request_refused"

    def __init__(self, message: str, *, status: int, code: str | None = None, **fields: object) -> None:
        self.status = status
        super().__init__(message, code=code, **fields)


class UploadRefused(Refused):
    """A resumable upload out of its protocol.

    Args:
        status: HTTP status as tus 1.0 names it (409 wrong offset, 410 gone, 413 too large, 460 checksum).
    """

    code = "upload_refused"

    def __init__(self, message: str, *, status: int, code: str | None = None, **fields: object) -> None:
        self.status = status
        super().__init__(message, code=code, **fields)


class LabRefused(Refused):
    """One lab report is not kept."""

    code = "lab_refused"


class NotRenderable(Refused):
    """Kept, but cannot be shown as a picture."""

    code = "not_renderable"


class Unavailable(ArchiveError):
    """The outside world's fault: try again after `retry_after`."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(seconds=5)) -> None:
        self.message = message
        self.retry_after = retry_after
        super().__init__(message)


class StorageFull(Unavailable):
    """There is no room for more films. Reading goes on."""

    code = "storage_full"
