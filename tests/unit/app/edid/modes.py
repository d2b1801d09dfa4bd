"""Modes to try, and what an EDID prefers."""

from hypothesis import strategies as st

from app.edid.mode import MAX_EDGE, MAX_HZ, MIN_EDGE, MIN_HZ, Mode
from app.edid.parse import parse_edid

# A tenth of a hertz at the very least; at the sizes of real screens the nearest 10 kHz are a hundred times better.
TOLERANCE_HZ = 0.1
edges = st.integers(MIN_EDGE, MAX_EDGE)
rates = st.floats(MIN_HZ, MAX_HZ)
modes = st.builds(Mode, edges, edges, rates)


def preferred(edid: bytes) -> Mode:
    timing = parse_edid(edid).preferred
    assert timing is not None
    return timing.mode
