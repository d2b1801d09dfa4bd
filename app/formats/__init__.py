"""The meaning of a fourcc and a modifier: names, layout, tiling."""
