"""The frame source of VFIO devices: polled planes, fetched buffers."""
