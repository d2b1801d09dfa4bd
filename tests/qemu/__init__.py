"""A real QEMU with a D-Bus display, without KVM and without a guest, and one that only pretends."""
