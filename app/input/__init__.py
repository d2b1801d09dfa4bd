"""Input for a guest: keys, buttons and positions in QEMU's terms. Uses neither Qt nor sockets."""
