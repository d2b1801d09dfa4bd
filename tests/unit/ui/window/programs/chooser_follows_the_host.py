"""The chooser while VMs come and go: the selection stays, and nothing scrolls sideways."""

import os
from typing import Any
from unittest.mock import patch

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QDialog

from app.host.dbus_display import DbusDisplay
from app.host.guest_screen import GuestScreen
from app.host.screens import HostScreens
from app.host.vgpu import Holder, Vgpu
from app.host.vm import Vm
from app.open.target import SIMULATED_DEFAULT, VmName, parse_target
from app.open.xen_target import XenScreen
from tests.unit.hosts import qemu
from ui.window import chooser as module
from ui.window.chooser import Chooser
from ui.window.qt_application import new_application


class NoScan:
    """A list of screens that has none of its own."""

    def __init__(self, *, follow_vms: bool) -> None:
        assert follow_vms, "the VMs of the list stay as they were"
        self._pipe: tuple[int, ...] = os.pipe()

    def fileno(self) -> int:
        return self._pipe[0]

    def close(self) -> None:
        for each in self._pipe:
            os.close(each)
        self._pipe = ()


def vm(number: int, name: str) -> Vgpu:
    holder = Holder(os.getpid(), "qemu-system-x86", 5, name, None, os.getuid())
    return Vgpu(f"83b8f4f2-509f-382f-3c1e-e6bfe0fa10{number:02}", holders=(holder,), parent="0000:00:02.0")


def names(dialog: Chooser) -> list[str]:
    items = [dialog._tree.topLevelItem(at) for at in range(dialog._tree.topLevelItemCount())]
    return [each.text(0) for each in items if each is not None]


keyboard: Any = QTest
application = new_application()
with patch.object(module, "ScreenList", NoScan):
    dialog = Chooser()
dialog.show()
assert dialog.chosen() is None and dialog._details.text() == "Looking for screens…"
free = Vgpu("0000:00:02.1")
dialog.show_screens(HostScreens((free, vm(2, "b"))))
assert names(dialog) == ["b", "no VM", "simulated"], names(dialog)
assert dialog.chosen() == vm(2, "b")
# A VM starts, above the selected row; then one ends.
dialog.show_screens(HostScreens((vm(1, "a"), vm(2, "b"), free)))
assert names(dialog)[:2] == ["a", "b"] and dialog.chosen() == vm(2, "b")
dialog.show_screens(HostScreens((vm(1, "a" * 128), Vgpu(vm(2, "b").name))))
chosen = dialog.chosen()
assert isinstance(chosen, Vgpu) and chosen.name == vm(2, "b").name and not chosen.holders
# Why it cannot be opened is there to read, and the row as well.
assert "no device node" in dialog._details.text(), dialog._details.text()
for width in (1366, 683, 400):
    dialog.resize(width, 300)
    application.processEvents()
    header, viewport = dialog._tree.header(), dialog._tree.viewport()
    assert header is not None and viewport is not None
    assert header.length() <= viewport.width(), (header.length(), viewport.width())
    assert dialog._tree.columnWidth(4) >= viewport.width() // 4
# A VM with a D-Bus display has a row, beside that of its vGPU if it has one.
web = DbusDisplay(Vm(60, "qemu-system-x86", "web & <b>", (*qemu("web & <b>"),)), p2p=True)
both = DbusDisplay(Vm(os.getpid(), "qemu-system-x86", "a", (*qemu("a"),)), p2p=False)
dialog.show_screens(HostScreens((vm(1, "a"), free), (web, both)))
assert names(dialog) == ["a", "web & <b>", "a", "no VM", "simulated"], names(dialog)
for row, target in ((1, VmName("web & <b>", 0)), (2, parse_target("vm:a,console=0"))):
    dialog._tree.setCurrentItem(dialog._tree.topLevelItem(row))
    assert dialog.chosen() == target, (row, dialog.chosen())
assert "a row of its own" in dialog._details.text()
dialog._tree.setCurrentItem(dialog._tree.topLevelItem(1))
assert "will lose" in dialog._details.text() and "qemu-system-x86 60" in dialog._details.text()
item = dialog._tree.topLevelItem(1)
assert item is not None and "<b>" not in item.toolTip(0)
# Another VM ends: the selection stays.
dialog.show_screens(HostScreens((free,), (web,)))
assert dialog.chosen() == VmName("web & <b>", 0)
dialog.show_screens(HostScreens((), ()))
assert names(dialog) == ["simulated"] and "no VM with a D-Bus display" in dialog._details.text()
# A screen of a Xen guest has a row, with the reason if it cannot be shown.
shown = GuestScreen("xen:lab,connector=1", "lab", 4, "pvh", 0, 1, 800, 600, served=False)
refused = GuestScreen("xen:old", "old", 5, "pv", 0, 0, 800, 600, served=False, why_not="it has be-alloc=1")
dialog.show_screens(HostScreens((), (), (shown, refused)))
assert names(dialog) == ["lab", "old", "simulated"], names(dialog)
dialog._tree.setCurrentItem(dialog._tree.topLevelItem(0))
assert dialog.chosen() == XenScreen("lab", None, 1) and "800 × 600 pixels" in dialog._details.text()
dialog._tree.setCurrentItem(dialog._tree.topLevelItem(1))
assert "It has be-alloc=1." in dialog._details.text(), dialog._details.text()
dialog.show_screens(HostScreens((), (), (), "the guests are not listed"))
assert "The guests are not listed." in dialog._details.text(), dialog._details.text()
dialog.show_screens(HostScreens((free,), (web,)))
# The keyboard alone: the arrows, letters of a name, Enter.
assert dialog._tree.hasFocus() or dialog.focusWidget() is dialog._tree
keyboard.keyClicks(dialog._tree, "sim")
assert names(dialog)[-1] == "simulated" and dialog.chosen() == SIMULATED_DEFAULT
keyboard.keyClick(dialog._tree, Qt.Key.Key_Up)
assert dialog.chosen() != SIMULATED_DEFAULT
keyboard.keyClick(dialog._tree, Qt.Key.Key_Return)
assert dialog.result() == QDialog.DialogCode.Accepted.value
