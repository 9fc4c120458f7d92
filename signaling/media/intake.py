"""Decrypts a packet where it was received and reads its header. What it then means is not known here.

Two ways that say the same: `PlainIntake` in Python and `CompiledIntake` with `fanout.c`.

Source: RFC 3550 5.1, RFC 8285.
"""

import struct
from collections.abc import Callable
from typing import Any, Protocol, cast

from signaling.media import tap
from signaling.media.mux import READ_BATCH, SLOT_BYTES, BatchMux, PlainMux

_HEADER = struct.Struct("!BBHII")
MOST_BYTES = 1500
"""No network on the way carries more, and libsrtp's tag must fit behind it."""

Opened = tuple[int, int, int, int, int, int | None, int, int]
"""Timestamp, ssrc, sequence number, where the payload begins, where it ends, how loud the packet says it is (-1 where
it does not say, None where that was not looked for), first byte, second byte."""


class Intake(Protocol):
    """Opens packets."""

    def open(self, slot: int, length: int, session: Any, level_id: int) -> Opened | None:
        """Open a slot of the inbox; None for what is forged, too old, too long or cut off.

        Args:
            slot: Where it lies.
            length: Bytes that came.
            session: The sender's SRTP session.
            level_id: The extension that says how loud it is (RFC 6464), 0 for none.
        """


class PlainIntake:
    """In Python.

    Args:
        mux: The open port.
    """

    def __init__(self, mux: BatchMux | PlainMux) -> None:
        self._data = mux.inbox.data
        self._pointers = tap.pointers(mux.inbox, READ_BATCH)

    def open(self, slot: int, length: int, session: Any, level_id: int) -> Opened | None:
        """Open a slot of the inbox; None for what is forged, too old, too long or cut off."""
        box = tap.length_box
        box[0] = length
        if tap.unprotect_in_place(session, self._pointers[slot], box):
            return None
        length, start, data = box[0], slot * SLOT_BYTES, self._data
        if not 12 <= length <= MOST_BYTES:
            return None
        first, second, seq, ts, ssrc = _HEADER.unpack_from(data, start)
        payload = 12 + 4 * (first & 15)
        if first & 0x10:
            if payload + 4 > length:
                return None
            payload += 4 + 4 * (data[start + payload + 2] << 8 | data[start + payload + 3])
        if payload > length:
            return None
        return ts, ssrc, seq, payload, length, None, first, second


class CompiledIntake:
    """With `fanout.c`.

    Args:
        mux: The open port.
        module: What `compiling.load` gave.

    Attributes:
        inbox: The port's incoming slots as C reads them.
    """

    def __init__(self, mux: BatchMux, module: Any) -> None:
        ffi = module.ffi
        self.inbox = ffi.new("fanout_inbox *")
        self.inbox.slots = ffi.cast("uint8_t *", mux.inbox.base)
        self.inbox.names = ffi.cast("uint8_t *", mux.inbox.names_base)
        self.inbox.messages = ffi.cast("void *", mux.inbox.messages_base)
        self.inbox.slot_bytes, self.inbox.name_bytes, self.inbox.capacity = SLOT_BYTES, mux.name_bytes, READ_BATCH
        self.inbox.unprotect = ffi.cast("int (*)(void *, void *, int *)", tap.unprotect_address())
        self._found = ffi.new("fanout_opened *")
        self._read = cast(Callable[[Any], Opened], struct.Struct("=IIHHHhBB").unpack_from)
        self._seen = ffi.buffer(self._found)
        self._open = module.lib.fanout_open

    def open(self, slot: int, length: int, session: Any, level_id: int) -> Opened | None:
        """Open a slot of the inbox; None for what is forged, too old, too long or cut off."""
        if not self._open(self.inbox, slot, length, session, MOST_BYTES, level_id, self._found):
            return None
        return self._read(self._seen)
