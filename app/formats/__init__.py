"""What a fourcc and a modifier say: names, layout, tiling."""
