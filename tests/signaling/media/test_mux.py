"""Both ways of moving datagrams do the same."""

import socket

import pytest

from signaling.media.mux import READ_BATCH, SLOT_BYTES, BatchMux, PlainMux, readable


@pytest.fixture(params=[(BatchMux, "127.0.0.1"), (PlainMux, "127.0.0.1"), (BatchMux, "::1"), (PlainMux, "::1")])
def mux(request):
    kind, host = request.param
    opened = kind(host, 0)
    yield opened
    opened.close()


def client(mux):
    family = socket.AF_INET6 if mux.name_bytes == 28 else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(2)
    made.connect(mux.address)
    return made


def name_of(mux, slot):
    return bytes(mux.inbox.names[slot * mux.name_bytes : (slot + 1) * mux.name_bytes])


def received(mux):
    for _ in range(200):
        if count := mux.receive():
            return count
    return 0


def test_a_datagram_comes_and_an_answer_goes_back_to_where_it_came_from(mux):
    with client(mux) as one:
        one.send(b"hello")
        assert received(mux) == 1
        assert bytes(mux.inbox.view[: mux.length(0)]) == b"hello"
        assert readable(name_of(mux, 0)) == one.getsockname()[:2]
        mux.send(b"at once", name_of(mux, 0))
        assert one.recv(100) == b"at once"
        for text in (b"first", b"second"):
            at = mux.queued * SLOT_BYTES
            mux.outbox.data[at : at + len(text)] = text
            mux.commit(name_of(mux, 0), len(text))
        mux.flush()
        assert [one.recv(100), one.recv(100)] == [b"first", b"second"]


def test_more_than_a_batch_comes_in_several(mux):
    with client(mux) as one:
        for number in range(READ_BATCH + 5):
            one.send(bytes([number]))
        first = received(mux)
        assert first == READ_BATCH
        assert received(mux) == 5


def test_an_empty_port_gives_nothing_and_waits_for_nobody(mux):
    assert mux.receive() == 0


def test_one_address_that_cannot_be_reached_does_not_hold_up_the_others(mux):
    with client(mux) as one:
        one.send(b"x")
        received(mux)
        good = name_of(mux, 0)
        broken = good[:2] + b"\0\0" + good[4:]  # port 0
        for name in (broken, good):
            at = mux.queued * SLOT_BYTES
            mux.outbox.data[at : at + 2] = b"ok"
            mux.commit(name, 2)
        mux.flush()
        assert one.recv(100) == b"ok"
        assert mux.dropped == 1
