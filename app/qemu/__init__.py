"""QEMU's command line and the addresses on it, as facts."""
