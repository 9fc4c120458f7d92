"""What `tap` uses of aiortc and pylibsrtp without being invited still exists."""

import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from signaling.media.mux import SLOT_BYTES, Ring
from signaling.media.tap import Certificate, Tap, length_box, pointers


def test_the_private_names_exist():
    assert callable(RTCDtlsTransport._set_role)
    made = RTCDtlsTransport(object(), [RTCCertificate.generateCertificate()])
    for name in ("_rx_srtp", "_tx_srtp", "state", "on", "remove_all_listeners"):
        assert hasattr(made, name)
    assert hasattr(pylibsrtp.Session(), "_srtp")
    assert {"srtp_protect", "srtp_unprotect"} <= set(dir(vars(pylibsrtp)["lib"]))
    assert length_box[0] is not None


def test_slots_lie_one_behind_the_other():
    ring = Ring(4, 16)
    first, second = pointers(ring, 4)[:2]
    assert second - first == SLOT_BYTES


async def test_before_the_keys_nothing_is_encrypted_and_the_queue_is_bounded():
    tap = Tap(Certificate(), lambda _: None, lambda: None)
    assert tap.protect_rtcp(b"x") is None
    assert tap.unprotect_rtcp(b"x") is None
    assert tap.protect(b"x") is None
    for _ in range(1000):
        tap.feed(b"\x16")
    await tap.stop()
