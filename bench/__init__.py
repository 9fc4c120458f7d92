"""Benches: ours beside a peer, in one run, as ratios. `python -m bench` runs all; RESULTS.md keeps the figures."""
