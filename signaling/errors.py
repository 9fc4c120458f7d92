"""The exchange's error tree.

    ExchangeError
    ├── Refused              the other side's fault; `code` goes over the wire
    │   ├── TicketRefused    forged, expired, used, or for another room
    │   ├── NotAdmitted      a valid ticket without the right that is needed
    │   ├── MessageRefused   a frame that is not one of our words, or not now
    │   ├── OfferRefused     session descriptions that cannot be answered
    │   └── RoomRefused      the room is full, ended, or its name is not one
    └── Unavailable          this node cannot: too many rooms, draining

HTTP codes live in `whip.py` and `hub.py`.
"""


class ExchangeError(Exception):
    """Root of the tree."""


class Refused(ExchangeError):
    """The other side's fault.

    Args:
        message: Plain English for a developer; pages translate by the code.
        code: Stable word on the wire.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        if code is not None:
            self.code = code
        super().__init__(message)


class TicketRefused(Refused):
    """Forged, expired, used, or for another room."""

    code = "ticket"


class NotAdmitted(Refused):
    """A valid ticket without the right that is needed."""

    code = "not_admitted"


class MessageRefused(Refused):
    """A frame that is not one of our words, or not now."""

    code = "message"


class OfferRefused(Refused):
    """A session description that cannot be answered."""

    code = "offer"


class RoomRefused(Refused):
    """The room is full, ended, or its name is not one."""

    code = "room"


class Unavailable(ExchangeError):
    """This node cannot take it: full or draining."""
