"""The clinic's error tree.

    ClinicError
    ├── Refused                 the caller's fault; text is a gettext msgid, safe to show
    │   ├── NotIdentified       nobody is logged in, or the token is unknown
    │   ├── NotAllowed          identified, but without the right
    │   ├── NotFound            not there, or not for this person: never told apart
    │   ├── FieldsRefused       a form or body with wrong fields: field -> what to do
    │   ├── Conflict            the thing has changed or is taken
    │   │   ├── Stale           a newer version exists
    │   │   └── StepRefused     the move is not allowed now; carries the allowed ones
    │   ├── TooLarge            bigger than this door takes
    │   └── TooMany             too often: `retry_after`
    └── Unavailable             the outside world's fault: `retry_after`

Everything else is a bug and propagates. HTTP codes live in `http/errors.py` only.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta


class ClinicError(Exception):
    """Root of the tree."""


class Refused(ClinicError):
    """The caller's fault.

    Args:
        message: gettext msgid with `{name}` fields; never holds patient data.
        code: Stable machine word.
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
    """Nobody is logged in, or the token is unknown."""

    code = "not_identified"

    def __init__(self, message: str = "Please log in.", *, code: str | None = None, **fields: object) -> None:
        super().__init__(message, code=code, **fields)


class NotAllowed(Refused):
    """Identified, but without the right."""

    code = "not_allowed_here"

    def __init__(
        self, message: str = "You do not have the right to do this.", *, code: str | None = None, **fields: object
    ) -> None:
        super().__init__(message, code=code, **fields)


class NotFound(Refused):
    """Not there, or not for this person."""

    code = "not_found"

    def __init__(
        self,
        message: str = "This was not found, or it is not open to you.",
        *,
        code: str | None = None,
        **fields: object,
    ) -> None:
        super().__init__(message, code=code, **fields)


class FieldsRefused(Refused):
    """A form or body with wrong fields.

    Args:
        errors: Field name -> gettext msgid that says what to do.
    """

    code = "fields"

    def __init__(self, errors: Mapping[str, str], message: str = "Some fields need your attention.") -> None:
        self.errors = dict(errors)
        super().__init__(message)


class Conflict(Refused):
    """The thing has changed or is taken."""

    code = "conflict"


class Stale(Conflict):
    """A newer version exists."""

    code = "stale"

    def __init__(
        self,
        message: str = "Somebody has changed this meanwhile. Your text is kept; look at the new version first.",
        *,
        current: int | None = None,
        moves: Sequence[object] = (),
    ) -> None:
        self.current = current
        self.moves = tuple(moves)
        super().__init__(message)


class StepRefused(Conflict):
    """The move is not allowed now.

    Args:
        moves: What is allowed instead, for this person.
    """

    code = "not_allowed"

    def __init__(
        self, message: str, *, moves: Sequence[object] = (), code: str | None = None, **fields: object
    ) -> None:
        self.moves = tuple(moves)
        super().__init__(message, code=code, **fields)


class TooLarge(Refused):
    """Bigger than this door takes."""

    code = "too_large"


class TooMany(Refused):
    """Too often."""

    code = "too_many"

    def __init__(self, message: str, *, retry_after: timedelta, code: str | None = None, **fields: object) -> None:
        self.retry_after = retry_after
        super().__init__(message, code=code, **fields)


class Unavailable(ClinicError):
    """The outside world's fault."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(seconds=5)) -> None:
        self.message = message
        self.retry_after = retry_after
        super().__init__(message)
