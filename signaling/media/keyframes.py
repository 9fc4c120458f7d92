"""Pure: whether a packet begins a key frame. A picture is passed on to somebody new only from there.

Source: RFC 7741 4.2-4.3 (VP8), RFC 6184 5 (H264).
"""

_SPS, _IDR, _STAP_A, _FU_A = 7, 5, 24, 28


def begins_key_frame(codec: str, payload: bytes | memoryview) -> bool:
    """Look at the payload of one RTP packet.

    Args:
        codec: `VP8` or `H264`.
        payload: Behind the RTP header.
    """
    if codec == "VP8":
        return _vp8(payload)
    return codec == "H264" and _h264(payload)


def _vp8(payload: bytes | memoryview) -> bool:
    size = len(payload)
    if size < 2 or not payload[0] & 0x10 or payload[0] & 0x07:  # S bit set, first partition
        return False
    at = 1
    if payload[0] & 0x80:
        has = payload[1]
        at = 2
        if has & 0x80:
            at += 2 if size > at and payload[at] & 0x80 else 1
        at += bool(has & 0x40) + bool(has & 0x30)
    return size > at and not payload[at] & 0x01


def _h264(payload: bytes | memoryview) -> bool:
    if len(payload) < 2:
        return False
    kind = payload[0] & 0x1F
    if kind == _FU_A:
        return bool(payload[1] & 0x80) and payload[1] & 0x1F == _IDR
    if kind != _STAP_A:
        return kind in (_SPS, _IDR)
    at = 1
    while at + 2 < len(payload):
        if payload[at + 2] & 0x1F in (_SPS, _IDR):
            return True
        at += 2 + (payload[at] << 8 | payload[at + 1])
    return False
