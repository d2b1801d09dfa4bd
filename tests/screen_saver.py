"""A session bus with a screen saver that tells what it is asked, in place of a desktop's.

As a program, it answers on the bus of DBUS_SESSION_BUS_ADDRESS, and prints a line for each call, and for each request
that it drops because the program that made it has left the bus.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from PyQt6.QtCore import QCoreApplication, QObject, pyqtClassInfo, pyqtSlot
from PyQt6.QtDBus import QDBusAbstractAdaptor, QDBusConnection

NAME = "org.freedesktop.ScreenSaver"
ASKED = "inhibit 8 mdevview: A virtual machine is watched in fullscreen"
"""What it tells after mdevview's request, whose cookie is 8."""
_BUS = "org.freedesktop.DBus"
_PATIENCE_S = 20.0


class ScreenSaver:
    """The running screen saver. ``lines`` is what it told so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.strip())

    def wait_for(self, *lines: str) -> None:
        """Wait until it told exactly these lines, since the start."""
        end = time.monotonic() + _PATIENCE_S
        while self.lines != list(lines):
            assert self._process.poll() is None and time.monotonic() < end, self.lines
            time.sleep(0.02)

    def end(self) -> None:
        self._process.kill()
        self._reader.join()


@contextlib.contextmanager
def session_bus(folder: Path) -> Iterator[str]:
    """A session bus of its own; its address."""
    address = f"unix:path={folder / 'bus'}"
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}", "--print-address=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline().startswith("unix:")
            # Whoever may reach the folder: a test's programs may run as another user.
            (folder / "bus").chmod(0o666)
            yield address
        finally:
            daemon.kill()


@contextlib.contextmanager
def screen_saver(address: str) -> Iterator[ScreenSaver]:
    """A screen saver on that bus."""
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": address}
    command = [sys.executable, "-m", "tests.screen_saver"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        running = ScreenSaver(process)
        try:
            running.wait_for("ready")
            running.lines.clear()
            yield running
        finally:
            running.end()


@pyqtClassInfo("D-Bus Interface", NAME)  # type: ignore[func-returns-value]
class _Adaptor(QDBusAbstractAdaptor):  # type: ignore[misc]
    def __init__(self, parent: "_Service") -> None:
        super().__init__(parent)
        self._service = parent

    @pyqtSlot("QString", "QString", result="uint")
    def Inhibit(self, name: str, reason: str) -> int:  # noqa: N802
        return self._service.inhibit(name, reason)

    @pyqtSlot("uint")
    def UnInhibit(self, cookie: int) -> None:  # noqa: N802
        self._service.release(cookie)


class _Service(QObject):
    def __init__(self) -> None:
        super().__init__()
        self._next = 7
        self._held: set[int] = set()
        self._adaptor = _Adaptor(self)

    def inhibit(self, name: str, reason: str) -> int:
        self._next += 1
        self._held.add(self._next)
        print(f"inhibit {self._next} {name}: {reason}", flush=True)
        return self._next

    def release(self, cookie: int) -> None:
        self._held.remove(cookie)
        print(f"release {cookie}", flush=True)

    @pyqtSlot("QString", "QString", "QString")
    def owner_changed(self, _name: str, _old: str, new: str) -> None:
        """A program has left the bus, or has come."""
        if not new and self._held:
            print(f"drop {sorted(self._held)}", flush=True)
            self._held.clear()


def _run() -> int:
    application = QCoreApplication([])
    bus = QDBusConnection.sessionBus()
    service = _Service()
    assert bus.registerObject("/org/freedesktop/ScreenSaver", service)
    assert bus.registerService(NAME)
    assert bus.connect(_BUS, "/org/freedesktop/DBus", _BUS, "NameOwnerChanged", service.owner_changed)
    print("ready", flush=True)
    return application.exec()


if __name__ == "__main__":
    sys.exit(_run())
