"""One VFIO device: the device seam, device info, display ioctls, EDID region."""
