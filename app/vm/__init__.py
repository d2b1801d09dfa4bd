"""The virtual machine around a device: its command line, its monitor, its start and its end."""
