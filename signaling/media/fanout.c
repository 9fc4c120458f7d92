/* The compiled fan-out: the inner loop of `fan.PlainFan`, word for word. It decides nothing: who gets a packet and how it is
   numbered was settled in Python, and every length is checked again here before a byte is written.

   Source: RFC 3550 5.1 (the header), RFC 3711 (the tag behind it), RFC 7741 4.2 (VP8's descriptor). */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* struct mmsghdr */
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

#include "fanout.h"

enum {
    HEADER = 12,
    TRAILER = 16 + 128 /* SRTP_MAX_TRAILER_LEN: the most that encryption appends */
};

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xFFFF);
}

static uint32_t get16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

/* Moves on the numbers of pictures in VP8's payload descriptor. `vp8.shifted`. */
static void shift(uint8_t *payload, uint32_t size, uint32_t picture, uint32_t base) {
    uint32_t at = 2;

    if (size < 2 || !(payload[0] & 0x80))
        return;
    if (payload[1] & 0x80) {
        uint32_t width = size > at && payload[at] & 0x80 ? 2 : 1;
        if (width > size - at)
            return;
        if (width == 2)
            put16(payload + at, 0x8000 | ((get16(payload + at) + picture) & 0x7FFF));
        else
            payload[at] = (uint8_t)((payload[at] + picture) & 0x7F);
        at += width;
    }
    if (payload[1] & 0x40 && at < size)
        payload[at] = (uint8_t)(payload[at] + base);
}

uint32_t fanout_copy(const fanout_port *port, uint32_t queued, const fanout_lane *lanes, uint32_t count,
                     uint8_t first, uint8_t marker, uint16_t seq, uint32_t ts, const char *payload, uint32_t size) {
    struct iovec *vectors = port->vectors;
    uint32_t filled = 0;

    if (port->slot_bytes < HEADER + TRAILER || size > port->slot_bytes - HEADER - TRAILER)
        return 0;
    if (queued > port->capacity || count > port->capacity - queued || port->name_bytes > sizeof lanes->name)
        return 0;

    for (uint32_t i = 0; i < count; i++) {
        const fanout_lane *lane = &lanes[i];
        fanout_run *run = lane->run;
        size_t slot = (size_t)queued + filled;
        uint8_t *out = port->slots + slot * port->slot_bytes;
        int length = (int)(HEADER + size);

        if (run->guard > 0) {
            run->guard -= 1;
            if (((uint32_t)(seq - lane->floor) & 0xFFFF) >= 0x8000)
                continue; /* late, from before the beginning */
        }
        out[0] = first;
        out[1] = (uint8_t)((marker & 0x80) | (lane->pt & 0x7F));
        put16(out + 2, (uint32_t)(seq + lane->seq_off) & 0xFFFF);
        put32(out + 4, ts + lane->ts_off);
        put32(out + 8, lane->ssrc);
        memcpy(out + HEADER, payload, size);
        if (lane->picture_off || lane->base_off)
            shift(out + HEADER, size, lane->picture_off, lane->base_off);
        if (port->protect(lane->session, out, &length) != 0 || length < 0 || (uint32_t)length > port->slot_bytes)
            continue;
        memcpy(port->names + slot * port->name_bytes, lane->name, port->name_bytes);
        vectors[slot].iov_len = (size_t)length;
        run->packets += 1;
        run->octets += size;
        filled++;
    }
    return filled;
}

static uint32_t get32(const uint8_t *at) {
    return get16(at) << 16 | get16(at + 2);
}

/* The first byte of an element of the header extension between `at` and `end`; -1 where there is none. `extensions.byte`. */
static int element(const uint8_t *data, uint32_t at, uint32_t end, uint32_t wanted) {
    if (wanted == 0 || end < 4 || at > end - 4)
        return -1;
    int brief = data[at] == 0xBE && data[at + 1] == 0xDE;
    if (!brief && (data[at] != 0x10 || (data[at + 1] & 0xF0)))
        return -1;
    at += 4;
    while (at + 1 < end) {
        if (data[at] == 0) {
            at += 1;
            continue;
        }
        uint32_t number = brief ? data[at] >> 4 : data[at];
        uint32_t size = brief ? (data[at] & 15u) + 1 : data[at + 1];
        uint32_t skip = brief ? 1 : 2;
        if (size > end - at || skip > end - at - size)
            return -1;
        if (number == wanted)
            return size ? data[at + skip] : -1;
        at += skip + size;
    }
    return -1;
}

int fanout_open(const fanout_inbox *inbox, uint32_t slot, uint32_t length, void *session, uint32_t most,
                uint8_t level_id, fanout_opened *found) {
    if (slot >= inbox->capacity || length < HEADER || length > inbox->slot_bytes)
        return 0;
    uint8_t *data = inbox->slots + (size_t)slot * inbox->slot_bytes;
    int clear = (int)length;
    if (inbox->unprotect(session, data, &clear) != 0 || clear < HEADER || (uint32_t)clear > length)
        return 0;
    length = (uint32_t)clear;
    if (length > most || length > 0xFFFF)
        return 0;
    uint32_t payload = HEADER + 4 * (data[0] & 15u);
    uint32_t extension = 0;
    if (data[0] & 0x10) {
        if (payload + 4 > length)
            return 0;
        extension = payload;
        payload += 4 + 4 * get16(data + payload + 2);
    }
    if (payload > length)
        return 0;
    found->first = data[0];
    found->second = data[1];
    found->seq = (uint16_t)get16(data + 2);
    found->ts = get32(data + 4);
    found->ssrc = get32(data + 8);
    found->payload = (uint16_t)payload;
    found->length = (uint16_t)length;
    found->level = (int16_t)(extension ? element(data, extension, payload, level_id) : -1);
    return 1;
}
