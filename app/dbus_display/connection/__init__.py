"""The connection to a VM's D-Bus display: its thread, its control connection, and the sockets of its listeners."""
