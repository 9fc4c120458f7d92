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

/* The incoming slots of the port. */
typedef struct {
    uint8_t *slots;
    uint32_t slot_bytes;
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
