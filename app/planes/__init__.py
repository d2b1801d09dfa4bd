"""From queries to frames: planes, buffers, states, polling."""
