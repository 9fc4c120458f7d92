"""Pure: finds one element of an RTP header extension where it lies in the buffer.

Source: RFC 8285 (one-byte and two-byte headers), RFC 6464 (audio level), RFC 8843 15 (mid).
"""

_ONE_BYTE = (0xBE, 0xDE)


def find(data: bytes | bytearray, at: int, end: int, wanted: int) -> tuple[int, int] | None:
    """Where an element's value lies.

    Args:
        data: The buffer.
        at: Where the extension begins (its profile word).
        end: Where it ends.
        wanted: The element's id as agreed, 1 to 14; 0 is never there.

    Returns:
        Start and length of the value, None where it is missing or lies.
    """
    end = min(end, len(data))
    if not wanted or at + 4 > end:
        return None
    short = (data[at], data[at + 1]) == _ONE_BYTE
    if not short and (data[at] != 0x10 or data[at + 1] & 0xF0):
        return None
    at += 4
    while at + 1 < end:
        if data[at] == 0:
            at += 1
            continue
        number, size, skip = (data[at] >> 4, (data[at] & 15) + 1, 1) if short else (data[at], data[at + 1], 2)
        if at + skip + size > end:
            return None
        if number == wanted:
            return at + skip, size
        at += skip + size
    return None


def byte(data: bytes | bytearray, at: int, end: int, wanted: int) -> int | None:
    """The first byte of an element."""
    found = find(data, at, end, wanted)
    return data[found[0]] if found and found[1] else None


def text(data: bytes | bytearray, at: int, end: int, wanted: int) -> str:
    """An element as text, "" where there is none."""
    found = find(data, at, end, wanted)
    return bytes(data[found[0] : found[0] + found[1]]).decode("ascii", "replace") if found else ""
