"""A Xen host of files and sockets: xenstore, granted pages, event channels, and guests with their PV drivers.

:class:`tests.xen.machine.FakeXen` is the host, :class:`tests.xen.guest.FakeGuest` a guest of it.
"""
