"""Getting at a device: opening it alone, duplicating a VM's fd, asking the helper for one."""
