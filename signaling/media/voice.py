"""Pure: how a voice sounds to who hears it, as a number that others use too.

Source: ITU-T G.107 (E-model, its defaults for all that is not measured), Annex B for the score; the delay's curve is
that of Cole and Rosenbluth, "Voice over IP performance monitoring", 2001.
"""

_BEST_R = 93.2
_BUFFER_MS = 65.0
"""Opus' frame and look-ahead, and a browser's smallest jitter buffer."""
_ROBUSTNESS = 20.0
"""G.113's Bpl of a codec with good concealment; Opus with in-band correction is at least that."""


def opinion(concealed: float, rtt_ms: float) -> float:
    """Mean opinion score, 1 bad to 4.5 as good as it gets.

    Args:
        concealed: Share of the sound that was made up because nothing came, 0 to 1: loss as the ear meets it.
        rtt_ms: Round trip to the exchange; the way to the other side is taken for as long.
    """
    delay_ms = rtt_ms + _BUFFER_MS
    late = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    percent = 100 * concealed
    lost = 95.0 * percent / (percent + _ROBUSTNESS)
    r = min(100.0, max(0.0, _BEST_R - late - lost))
    return round(max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6), 2)
