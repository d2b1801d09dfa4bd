"""QEMU's command line and the addresses in it."""
