"""``include/uapi/xen/evtchn.h`` with the kernel's names.

``read`` gives pending ports as u32, which are masked until the same u32 are written back (``drivers/xen/evtchn.c``).
"""

import ctypes

from app.xen.abi.ioc import ioc_none


class ioctl_evtchn_bind_interdomain(ctypes.Structure):
    """The ioctl returns the port of this domain."""

    _fields_ = (("remote_domain", ctypes.c_uint32), ("remote_port", ctypes.c_uint32))


class ioctl_evtchn_bind_unbound_port(ctypes.Structure):
    """The ioctl returns the port of this domain."""

    _fields_ = (("remote_domain", ctypes.c_uint32),)


class ioctl_evtchn_unbind(ctypes.Structure):
    _fields_ = (("port", ctypes.c_uint32),)


class ioctl_evtchn_notify(ctypes.Structure):
    _fields_ = (("port", ctypes.c_uint32),)


IOCTL_EVTCHN_BIND_INTERDOMAIN = ioc_none("E", 1, ctypes.sizeof(ioctl_evtchn_bind_interdomain))
IOCTL_EVTCHN_BIND_UNBOUND_PORT = ioc_none("E", 2, ctypes.sizeof(ioctl_evtchn_bind_unbound_port))
IOCTL_EVTCHN_UNBIND = ioc_none("E", 3, ctypes.sizeof(ioctl_evtchn_unbind))
IOCTL_EVTCHN_NOTIFY = ioc_none("E", 4, ctypes.sizeof(ioctl_evtchn_notify))
