"""D-Bus displays as a part of the JSON document of ``mdevview list --json``. A published key keeps its meaning."""

from typing import Any

from app.host.dbus_display import DbusDisplay
from app.host.guest_screen import GuestScreen
from app.host.permissions import user_name
from app.host.screens import HostScreens
from app.text.clean import LONGEST_LINE, clean


def displays_document(screens: HostScreens) -> list[dict[str, Any]]:
    """One document for each D-Bus display, then one for each screen of a Xen guest.

    ``target`` is the TARGET that opens the VM's first console. ``pid``, ``process``, ``vm``, ``vm_id``, ``uid`` and
    ``user`` are those of the VM, with the names of a vGPU's holder. ``kind`` is "dbus". ``p2p`` tells whether clients
    come through the VM's monitor; otherwise they come through a bus: that at ``address``, or the session bus of the
    VM's user if ``address`` is null. ``gl`` tells whether QEMU draws with OpenGL. ``has_vgpu`` tells whether the VM has
    one of the vGPUs, too. All of it comes from the VM's command line, as the VM was not asked.

    A screen of a Xen guest has the ``kind`` "xen", and null for all that is about a process or D-Bus. ``domid``,
    ``guest_type`` ("pv", "pvh", "hvm", or null), ``device`` and ``connector`` are Xen's. ``width`` and ``height`` are
    pixels. ``served`` tells whether a viewer serves it now, ``why_not`` why it cannot be shown. All of it is from
    xenstore.
    """
    return [*(_document(each, screens) for each in screens.displays), *map(_guest_document, screens.guests)]


def _guest_document(screen: GuestScreen) -> dict[str, Any]:
    return {
        "target": screen.target,
        "kind": "xen",
        "pid": None,
        "process": None,
        "vm": screen.name or None,
        "vm_id": None,
        "uid": None,
        "user": None,
        "p2p": None,
        "address": None,
        "gl": None,
        "has_vgpu": False,
        "domid": screen.domid,
        "guest_type": screen.kind or None,
        "device": screen.device,
        "connector": screen.connector,
        "width": screen.width or None,
        "height": screen.height or None,
        "served": screen.served,
        "why_not": screen.why_not or None,
    }


def _document(display: DbusDisplay, screens: HostScreens) -> dict[str, Any]:
    vm = display.vm
    return {
        "target": screens.target_of(display),
        "kind": "dbus",
        "pid": vm.pid,
        "process": vm.process,
        "vm": vm.name,
        "vm_id": vm.id,
        "uid": vm.uid,
        "user": user_name(vm.uid) if vm.uid is not None else None,
        "p2p": display.p2p,
        "address": clean(display.address, LONGEST_LINE) if display.address is not None else None,
        "gl": display.gl,
        "has_vgpu": screens.has_vgpu(display),
    }
