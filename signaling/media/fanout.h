/* What passes between Python and the compiled fan-out. The compiler and cffi read this one text, so both mean the same;
   therefore no preprocessor words in it. */

/* What changes with every packet of a lane: `forward.Run`. */
typedef struct {
    uint64_t packets;
    uint64_t octets;
    int32_t guard;
} fanout_run;

/* One copy of a source's packets: whose session encrypts it, how it is numbered, where it goes. `picture_off` and `base_off`
   are added to the numbers of VP8's pictures; of everything else they are 0. */
typedef struct {
    void *session;
    fanout_run *run;
    uint32_t ssrc;
    uint32_t ts_off;
    uint16_t seq_off;
    uint16_t floor;
    uint16_t picture_off;
    uint8_t base_off;
    uint8_t pt;
    uint8_t name[28];
} fanout_lane;

/* The outgoing slots of the port. */
typedef struct {
    uint8_t *slots;
    uint8_t *names;
    void *vectors;
    uint32_t slot_bytes;
    uint32_t name_bytes;
    uint32_t capacity;
    int (*protect)(void *session, void *packet, int *length);
} fanout_port;

/* Fills slots from `queued` on with a packet's copies. Returns how many were filled; 0 where anything does not fit. */
uint32_t fanout_copy(const fanout_port *port, uint32_t queued, const fanout_lane *lanes, uint32_t count,
                     uint8_t first, uint8_t marker, uint16_t seq, uint32_t ts, const char *payload, uint32_t size);

/* The incoming slots of the port, and what `recvmmsg` said of them. */
typedef struct {
    uint8_t *slots;
    const uint8_t *names;
    void *messages;
    uint32_t slot_bytes;
    uint32_t name_bytes;
    uint32_t capacity;
    int (*unprotect)(void *session, void *packet, int *length);
} fanout_inbox;

/* A packet that came, in the clear: `intake.Opened`, in its order. `level` is -1 where the packet does not say it. */
typedef struct {
    uint32_t ts;
    uint32_t ssrc;
    uint16_t seq;
    uint16_t payload;
    uint16_t length;
    int16_t level;
    uint8_t first;
    uint8_t second;
} fanout_opened;

/* Decrypts a slot where it lies and reads its header. Returns 1, or 0 for what is forged, too old, too long or cut off. */
int fanout_open(const fanout_inbox *inbox, uint32_t slot, uint32_t length, void *session, uint32_t most,
                uint8_t level_id, fanout_opened *found);

/* What every packet of a source changes: `tally.Tally`. */
typedef struct {
    uint64_t packets;
    uint64_t bytes;
    uint64_t spent;
    uint64_t expected;
    uint64_t received;
    uint64_t frames;
    int64_t frame_ts;
    double at_s;
    double media_s;
    double least_s;
    uint32_t ts;
    uint32_t cycles;
    int32_t highest;
    int32_t level;
} fanout_tally;

/* A packet kept for repeats: `history.Kept`. Without a payload there is none. */
typedef struct {
    char *payload;
    double at_s;
    uint32_t ts;
    uint16_t seq;
    uint16_t size;
    uint8_t first;
    uint8_t marker;
} fanout_kept;

/* `history.PlainHistory`, with its `MOST` and `KEPT_S`. */
typedef struct {
    fanout_kept kept[1024];
    double kept_s;
    uint32_t oldest;
} fanout_history;

/* Keeps a copy of a packet; what has become too old goes. */
void fanout_keep(fanout_history *history, uint16_t seq, uint8_t first, uint8_t marker, uint32_t ts, const char *payload,
                 uint32_t size, double at_s);

/* Everything goes. */
void fanout_forget(fanout_history *history);

/* A source whose next packet needs no look from Python, while it is `armed`. `history` may be NULL. */
typedef struct {
    void *session;
    fanout_tally *tally;
    fanout_history *history;
    const fanout_lane *lanes;
    uint32_t count;
    uint32_t ssrc;
    uint32_t limit;
    uint32_t clock_hz;
    uint8_t armed;
    uint8_t pt;
    uint8_t level_id;
    uint8_t name[28];
} fanout_flow;

/* From the inbox to the outbox and out. `flows` has `places`, a power of two of them, of which at least one is free.
   `queued` slots of the outbox are filled and of them `gone` already sent. */
typedef struct {
    const fanout_inbox *inbox;
    const fanout_port *port;
    fanout_flow **flows;
    void *leaving;
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t refused;
    uint32_t places;
    uint32_t salt;
    uint32_t most_bytes;
    uint32_t cost_bytes;
    uint32_t long_s;
    uint32_t queued;
    uint32_t gone;
    uint32_t full;
    int32_t fd;
} fanout_way;

/* Gives a flow its place by its name and ssrc. Returns 0 where there is none. */
int fanout_enter(fanout_way *way, fanout_flow *flow);

/* Takes what waits at the port into the inbox. Returns how many datagrams that are. */
uint32_t fanout_receive(fanout_way *way);

/* Takes packets from `slot` on through as long as they are usual ones. Returns the first slot whose packet is not, `count`
   where there is none: then what is queued is sent. `full` is set where the packet only waits for room in the outbox. */
uint32_t fanout_through(fanout_way *way, uint32_t slot, uint32_t count, double now_s);
