"""The picture of one console: the calls of QEMU's listener interfaces, folded into frames."""
