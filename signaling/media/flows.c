/* The usual packet's whole way, one batch in one call: what `plane.Plane._take` does with the next packet of a stream that is
   known, in its codec, while nobody waits for anything of it. It is told by what lies in the clear; every other packet is
   left as it came, for Python. The compiler reads this behind `fanout.c`.

   Source: RFC 3550 5.1 and A.1, RFC 7983 (what a first byte says). */

#include <stdlib.h>
#include <sys/socket.h>

enum { KEPT = sizeof(((fanout_history *)0)->kept) / sizeof(fanout_kept) };

static void drop(fanout_kept *kept) {
    free(kept->payload);
    kept->payload = NULL;
}

void fanout_keep(fanout_history *history, uint16_t seq, uint8_t first, uint8_t marker, uint32_t ts, const char *payload,
                 uint32_t size, double at_s) {
    uint32_t at = seq % KEPT;
    fanout_kept *kept = &history->kept[at];

    drop(kept);
    if (size <= 0xFFFF && (kept->payload = malloc(size ? size : 1)) != NULL) {
        memcpy(kept->payload, payload, size);
        kept->at_s = at_s;
        kept->ts = ts;
        kept->seq = seq;
        kept->size = (uint16_t)size;
        kept->first = first;
        kept->marker = marker;
    }
    while (history->oldest != at) {
        fanout_kept *old = &history->kept[history->oldest % KEPT];
        if (old->payload != NULL && at_s - old->at_s <= history->kept_s)
            break;
        drop(old);
        history->oldest = (history->oldest + 1) % KEPT;
    }
}

void fanout_forget(fanout_history *history) {
    for (uint32_t at = 0; at < KEPT; at++)
        drop(&history->kept[at]);
}

/* Where the search for a flow begins. The salt is the process's own, so that nobody can choose to meet others. */
static uint32_t place(const fanout_way *way, const uint8_t *name, uint32_t ssrc) {
    uint32_t mixed = (way->salt ^ ssrc) * 0x9E3779B1u;

    for (uint32_t at = 0; at < way->inbox->name_bytes; at++)
        mixed = (mixed ^ name[at]) * 0x01000193u;
    return (mixed ^ mixed >> 15) & (way->places - 1);
}

int fanout_enter(fanout_way *way, fanout_flow *flow) {
    uint32_t at = place(way, flow->name, flow->ssrc);

    for (uint32_t tried = 0; tried < way->places; tried++, at = (at + 1) & (way->places - 1)) {
        if (way->flows[at] == NULL) {
            way->flows[at] = flow;
            return 1;
        }
    }
    return 0;
}

static fanout_flow *flow_of(const fanout_way *way, const uint8_t *name, uint32_t ssrc) {
    uint32_t at = place(way, name, ssrc);

    for (uint32_t tried = 0; tried < way->places && way->flows[at] != NULL; tried++, at = (at + 1) & (way->places - 1)) {
        fanout_flow *flow = way->flows[at];
        if (flow->ssrc == ssrc && memcmp(flow->name, name, way->inbox->name_bytes) == 0)
            return flow;
    }
    return NULL;
}

/* Whether a packet is the next of its flow, by its header. */
static int next_of(const fanout_flow *flow, const uint8_t *data, uint32_t long_s) {
    const fanout_tally *tally = flow->tally;
    uint32_t moved = get32(data + 4) - (uint32_t)tally->frame_ts;

    if (data[0] < 128 || data[0] >= 192 || (data[1] >= 192 && data[1] <= 223) || (data[1] & 0x7F) != flow->pt)
        return 0;
    if (tally->highest < 0 || ((get16(data + 2) - (uint32_t)tally->highest) & 0xFFFF) != 1)
        return 0;
    return tally->frame_ts >= 0 && (moved >= 0x80000000u || moved <= (uint64_t)long_s * flow->clock_hz);
}

/* `arrival.Lateness.came`. */
static void frame_came(fanout_tally *tally, uint32_t ts, double at_s, uint32_t clock_hz) {
    uint32_t moved = ts - (uint32_t)tally->frame_ts;

    if (moved >= 0x80000000u)
        return; /* an older frame's */
    tally->media_s += (double)moved / clock_hz;
    tally->frame_ts = ts;
    tally->frames += 1;
    if (at_s - tally->media_s < tally->least_s)
        tally->least_s = at_s - tally->media_s;
}

/* What `loss.Missing.came` and `plane.Plane._forward` count of the next packet. */
static void note(const fanout_flow *flow, const fanout_opened *found, double now_s) {
    fanout_tally *tally = flow->tally;

    tally->received += 1;
    tally->expected += 1;
    tally->cycles += found->seq < tally->highest;
    tally->highest = found->seq;
    tally->at_s = now_s;
    if (tally->ts != found->ts)
        frame_came(tally, found->ts, now_s, flow->clock_hz);
    tally->ts = found->ts;
    if (found->level >= 0 && (found->level & 127) < tally->level)
        tally->level = found->level & 127;
    tally->packets += 1;
    tally->bytes += found->length;
}

static void take(fanout_way *way, const fanout_flow *flow, uint32_t slot, uint32_t length, double now_s) {
    fanout_opened found;

    if (!fanout_open(way->inbox, slot, length, flow->session, way->most_bytes, flow->level_id, &found)) {
        way->refused += 1;
        return;
    }
    flow->tally->spent += found.length + way->cost_bytes;
    if (flow->tally->spent > flow->limit) {
        way->refused += 1;
        return;
    }
    note(flow, &found, now_s);
    const char *rest = (const char *)way->inbox->slots + (size_t)slot * way->inbox->slot_bytes + found.payload;
    uint32_t size = (uint32_t)found.length - found.payload;
    uint8_t first = found.first & 0xA0, marker = found.second & 0x80;
    if (flow->history != NULL)
        fanout_keep(flow->history, found.seq, first, marker, found.ts, rest, size, now_s);
    way->packets_in += 1;
    uint32_t filled = fanout_copy(way->port, way->queued, flow->lanes, flow->count, first, marker, found.seq, found.ts, rest, size);
    way->queued += filled;
    way->packets_out += filled;
}

uint32_t fanout_receive(fanout_way *way) {
    int came = recvmmsg(way->fd, way->inbox->messages, way->inbox->capacity, MSG_DONTWAIT, NULL);

    return came > 0 ? (uint32_t)came : 0;
}

/* Sends what is queued. What the kernel does not take at once is left to `mux.BatchMux.flush`, from `gone` on. */
static void leave(fanout_way *way) {
    int sent = sendmmsg(way->fd, way->leaving, way->queued, MSG_DONTWAIT);

    if (sent > 0)
        way->gone = (uint32_t)sent;
    if (way->gone == way->queued)
        way->gone = way->queued = 0;
}

uint32_t fanout_through(fanout_way *way, uint32_t slot, uint32_t count, double now_s) {
    const struct mmsghdr *messages = way->inbox->messages;

    way->full = way->gone = 0;
    if (way->places == 0 || count > way->inbox->capacity || way->queued > way->port->capacity)
        return slot;
    for (; slot < count; slot++) {
        const uint8_t *data = way->inbox->slots + (size_t)slot * way->inbox->slot_bytes;
        if (messages[slot].msg_len < HEADER)
            return slot;
        fanout_flow *flow = flow_of(way, way->inbox->names + (size_t)slot * way->inbox->name_bytes, get32(data + 8));
        if (flow == NULL || !flow->armed || flow->count > way->port->capacity || !next_of(flow, data, way->long_s))
            return slot;
        if (flow->count > way->port->capacity - way->queued) {
            way->full = 1;
            return slot;
        }
        take(way, flow, slot, messages[slot].msg_len, now_s);
    }
    if (way->queued)
        leave(way);
    return slot;
}
