"""Input for a guest: which key, button or place, in QEMU's terms. Knows neither Qt nor sockets."""
