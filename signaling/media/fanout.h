/* What passes between Python and the compiled fan-out. The compiler and cffi read this one text, so both mean the same;
   therefore no preprocessor words in it. */

/* What changes with every packet of a lane: `forward.Run`. */
typedef struct {
    uint64_t packets;
    uint64_t octets;
    int32_t guard;
} fanout_run;

/* One copy of a source's packets: whose session encrypts it, how it is numbered, where it goes. */
typedef struct {
    void *session;
    fanout_run *run;
    uint32_t ssrc;
    uint32_t ts_off;
    uint16_t seq_off;
    uint16_t floor;
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
