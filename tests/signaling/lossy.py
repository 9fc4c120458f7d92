"""A plane that loses some of what comes."""

import struct

from signaling.media.mux import SLOT_BYTES


def lose(plane, lost):
    """From now on RTP of which `lost(ssrc, pt, seq)` says so has never come."""
    mux, receive = plane.mux, plane._receive

    def some():
        count = receive()
        for slot in range(count):
            first, second, seq, _, ssrc = struct.unpack_from("!BBHII", mux.inbox.data, slot * SLOT_BYTES)
            if first >= 128 and not 192 <= second <= 223 and lost(ssrc, second & 0x7F, seq):
                mux.inbox.messages[slot].length = 0
        return count

    plane._receive = some
