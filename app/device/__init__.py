"""Devices: the seam to the kernel, how one is found, opened and asked."""
