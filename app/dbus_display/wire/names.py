"""The names of QEMU's D-Bus display (ui/dbus-display1.xml)."""

BUS_NAME = "org.qemu"
ROOT = "/org/qemu/Display1"
VM_PATH = f"{ROOT}/VM"
LISTENER_PATH = f"{ROOT}/Listener"
CLIPBOARD_PATH = f"{ROOT}/Clipboard"

VM = "org.qemu.Display1.VM"
CONSOLE = "org.qemu.Display1.Console"
KEYBOARD = "org.qemu.Display1.Keyboard"
MOUSE = "org.qemu.Display1.Mouse"
MULTI_TOUCH = "org.qemu.Display1.MultiTouch"
CLIPBOARD = "org.qemu.Display1.Clipboard"
LISTENER = "org.qemu.Display1.Listener"
LISTENER_MAP = "org.qemu.Display1.Listener.Unix.Map"
LISTENER_DMABUF2 = "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2"

PROPERTIES = "org.freedesktop.DBus.Properties"
UNKNOWN_METHOD = "org.freedesktop.DBus.Error.UnknownMethod"
FAILED = "org.freedesktop.DBus.Error.Failed"


def console_path(number: int) -> str:
    """The object of a console."""
    return f"{ROOT}/Console_{number}"
