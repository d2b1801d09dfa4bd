"""One VFIO device: the device seam, its info, the display ioctls, the EDID region."""
