"""Messages as QEMU sends them to a listener, through the bytes of the wire."""

import os
from typing import Any

from jeepney import DBusAddress, Message, new_method_call
from jeepney.fds import FileDescriptor

from app.abi import drm_fourcc as drm
from app.dbus_display.wire.messages import parse
from app.dbus_display.wire.names import LISTENER, LISTENER_DMABUF2, LISTENER_MAP, LISTENER_PATH

SIGNATURES = {
    "Scanout": "uuuuay",
    "Update": "iiiiuuay",
    "ScanoutMap": "huuuuu",
    "UpdateMap": "iiii",
    "ScanoutDMABUF": "huuuutb",
    "ScanoutDMABUF2": "ahuuuuauauuuuutb",
    "UpdateDMABUF": "iiii",
    "Disable": "",
    "MouseSet": "iii",
    "CursorDefine": "iiiiay",
}
INTERFACES = {"ScanoutMap": LISTENER_MAP, "UpdateMap": LISTENER_MAP, "ScanoutDMABUF2": LISTENER_DMABUF2}
XR24 = 0x2002_0888
"""Pixman's code of what QEMU sends."""


def call(member: str, *body: Any, serial: int = 1, signature: str | None = None, interface: str = "") -> Message:
    """A call as it is received. Each "h" of ``body`` is a fd, which the message takes over."""
    # jeepney insists on a destination, which a peer does not have.
    address = DBusAddress(LISTENER_PATH, "org.qemu", interface or INTERFACES.get(member, LISTENER))
    given = SIGNATURES.get(member, "") if signature is None else signature
    message = new_method_call(address, member, given or None, body if given else ())
    sent: list[int] = []
    data = message.serialise(serial=serial, fds=sent)
    return parse(bytearray(data), [FileDescriptor(each) for each in sent])


def memfd(size_or_content: int | bytes) -> int:
    """The fd of a memfd, as QEMU makes it for a map. It stands for a dma-buf too: it has an inode and can be mapped."""
    content = bytes(size_or_content) if isinstance(size_or_content, int) else size_or_content
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    return fd


def map_call(fd: int, width: int = 4, height: int = 2, *, offset: int = 0, pixman: int = XR24) -> Message:
    return call("ScanoutMap", fd, offset, width, height, width * 4, pixman)


def dmabuf_call(fd: int, width: int = 4, height: int = 2, *, y0_top: bool = False, serial: int = 1) -> Message:
    modifier = drm.DRM_FORMAT_MOD_LINEAR
    body = (fd, width, height, width * 4, drm.DRM_FORMAT_XRGB8888, modifier, y0_top)
    return call("ScanoutDMABUF", *body, serial=serial)


def dmabuf2_call(
    fds: list[int],
    part: tuple[int, int, int, int],
    whole: tuple[int, int],
    *,
    modifier: int = drm.DRM_FORMAT_MOD_LINEAR,
    y0_top: bool = False,
    planes: int = 1,
) -> Message:
    stride = whole[0] * 4
    body = (fds, *part, [0] * planes, [stride] * planes, planes, drm.DRM_FORMAT_XRGB8888, *whole, modifier, y0_top)
    return call("ScanoutDMABUF2", *body)
