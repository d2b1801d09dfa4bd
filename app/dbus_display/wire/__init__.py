"""D-Bus messages over a socket, and the names of QEMU's interfaces."""
