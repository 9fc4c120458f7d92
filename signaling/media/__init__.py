"""The packet path: one UDP port, DTLS-SRTP, numbers rewritten, never a codec. The only room that knows aiortc."""
