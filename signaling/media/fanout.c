/* The compiled fan-out: the inner loop of `fan.PlainFan`, word for word. It decides nothing: who gets a packet and how it is
   numbered was settled in Python, and every length is checked again here before a byte is written.

   Source: RFC 3550 5.1 (the header), RFC 3711 (the tag behind it). */

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
