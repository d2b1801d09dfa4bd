"""A VM's monitor (QMP, libvirt), and how a VM is started and ended."""
