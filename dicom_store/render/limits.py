"""What no picture may go beyond. Imports nothing."""

MAX_PIXELS = 64 << 20
"""In a frame: a 300 MB mammography system is at 30 million."""
MAX_PIXEL_SHAPE = 16.0
"""How many times a pixel may be higher than wide, or wider than high, and still be believed."""
