"""The frame source of QEMU's D-Bus display (``-display dbus``): every console of a VM, pushed by QEMU.

What stands on the bus is described in QEMU's ui/dbus-display1.xml.
"""
