"""What travels between the archive and a worker, and how an answer that cannot be trusted is read.

A worker parses hostile files. Were it taken over, its answer must not take over the archive too: answers are made of
plain values only (None, bool, int, float, str, bytes, list, tuple, dict) and anything else fails to load.
Jobs travel the other way, from the archive, and may be any picklable value.

Pure: no sockets, no processes.
"""

import io
import pickle
import struct
from enum import StrEnum

from dicom_store import errors

LENGTH = struct.Struct("<Q")
MAX_MESSAGE_BYTES = 1 << 30

Plain = None | bool | int | float | str | bytes | list["Plain"] | tuple["Plain", ...] | dict[str, "Plain"]


class Verdict(StrEnum):
    """How a job ended inside the worker."""

    DONE = "done"
    REFUSED = "refused"
    RAISED = "raised"
    MEMORY = "memory"


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        raise pickle.UnpicklingError("A worker's answer holds plain values only.")


def pack(value: object) -> bytes:
    """Serialise a job or an answer, without its length."""
    return pickle.dumps(value, protocol=5)


def unpack_job(data: bytes | bytearray) -> tuple[str, str, tuple[object, ...], float]:
    """Read a job (module, function, arguments, seconds) that the archive itself packed."""
    job: tuple[str, str, tuple[object, ...], float] = pickle.loads(data)  # noqa: S301  (ours: comes from the parent)
    return job


def unpack_answer(data: bytes | bytearray) -> tuple[Verdict, Plain, bool]:
    """Read a worker's answer without trusting it.

    Returns:
        How the job ended, its value, and whether the worker leaves after this answer.

    Raises:
        pickle.UnpicklingError: Not an answer, or not made of plain values.
    """
    try:
        verdict, value, leaving = _PlainUnpickler(io.BytesIO(data)).load()
        return Verdict(verdict), value, bool(leaving)
    except (ValueError, TypeError, EOFError, IndexError, KeyError, AttributeError) as error:
        raise pickle.UnpicklingError("Not a worker's answer.") from error


def pack_refusal(refusal: errors.Refused) -> Plain:
    """Turn a refusal into plain values."""
    fields: dict[str, Plain] = {
        name: value if isinstance(value, int | float | str) else str(value) for name, value in refusal.fields.items()
    }
    reason = refusal.failure_reason if isinstance(refusal, errors.FilmRefused) else 0
    return (type(refusal).__name__, refusal.message, refusal.code, fields, reason)


def unpack_refusal(value: Plain) -> errors.Refused:
    """Build the refusal a worker raised; an unknown kind becomes a plain `Refused`."""
    if not isinstance(value, tuple) or len(value) != 5:
        return errors.Refused("The file could not be read.", code="unreadable")
    kind, message, code, fields, reason = value
    known = {str(name): field for name, field in fields.items()} if isinstance(fields, dict) else {}
    if kind == "FilmRefused":
        return errors.FilmRefused(
            str(message), failure_reason=reason if isinstance(reason, int) else 0, code=str(code), **known
        )
    plain = {"NotRenderable": errors.NotRenderable}.get(str(kind), errors.Refused)
    return plain(str(message), code=str(code), **known)
