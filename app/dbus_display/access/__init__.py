"""The ways to a VM's D-Bus display: its QMP monitor, libvirt, or a bus."""
