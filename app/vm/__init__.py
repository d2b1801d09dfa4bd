"""A VM's monitor (QMP, libvirt), and the start and end of a VM."""
