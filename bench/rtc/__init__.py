"""Load for WebRTC relays: light peers, a bad network, a browser. Knows nothing of the relay it measures."""
