"""A second open, and a removal, while the device is open."""

import errno
import os
import time
from pathlib import Path

import pytest
import pyudev

from tests.lab.inside import mdev
from tests.lab.inside.conftest import Create, Fact
from tests.lab.inside.rawvfio import DMABUF, PROBE, REGION, Mbochs, Mdpy


def test_group_opens_once(create: Create) -> None:
    name = create("mdpy", "vga")
    with Mdpy.open(name), pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
        Mdpy.open(name)
    Mdpy.open(name).close()


def test_group_file_belongs_to_root_alone(create: Create, fact: Fact) -> None:
    node = Path(f"/dev/vfio/{mdev.group(create('mdpy', 'vga'))}").stat()
    fact("/dev/vfio/N is made with", f"mode {node.st_mode & 0o777:o}, uid {node.st_uid}, gid {node.st_gid}")
    assert node.st_mode & 0o777 == 0o600


class Uevents:
    """Reads the kernel's uevents."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
        self._monitor.start()

    def read(self, wait: float) -> list[str]:
        seen = []
        while (event := self._monitor.poll(wait)) is not None:
            path = event.device_path.removeprefix("/devices/virtual").replace(self._name, "UUID")
            seen.append(f"{event.action} {event.subsystem} {path}")
        return seen


@pytest.mark.parametrize("driver", ["mbochs", "mbochs_rw", "mdpy"])
def test_removal_while_open_waits_for_the_close(create: Create, fact: Fact, driver: str) -> None:
    """No ioctl fails and the fd is not readable: only sysfs and one uevent tell of the removal.

    vfio_unregister_group_dev() in drivers/vfio/vfio_main.c calls the driver's request operation, which the sample
    drivers do not have.
    """
    name = create(driver, {"mdpy": "vga"}.get(driver, "small"))
    uevents = Uevents(name)
    folder = (mdev.BUS / name).resolve()
    node = Path(f"/dev/vfio/{mdev.group(name)}")
    flags = REGION if driver == "mdpy" else DMABUF
    with Mdpy.open(name) if driver == "mdpy" else Mbochs.open(name) as device:
        if isinstance(device, Mbochs):
            device.set_mode(640, 480)
            device.get_dmabuf(device.query().index)
        before = {path.name for path in folder.iterdir()}

        removal = mdev.Removal(name)
        assert not removal.done_within(3)

        assert not (mdev.BUS / name).exists()
        announced = uevents.read(0)
        assert f"remove vfio-dev /{driver}/{driver}/UUID/vfio-dev/" in " ".join(announced)
        fact(f"{driver}: removal while open: uevents before the close", announced)
        gone = before - {path.name for path in folder.iterdir()}
        fact(f"{driver}: removal while open: gone from the device's folder", sorted(gone))
        fact(f"{driver}: removal while open: /dev/vfio/N", node.exists())
        device.ask(PROBE | flags)
        assert device.ask(flags).width == 640, "QUERY goes on as before"
        closing = time.monotonic()
    assert removal.done_within(15)
    fact(f"{driver}: removal ended after the close in", f"{time.monotonic() - closing:.2f} s")
    fact(f"{driver}: uevents after the close", uevents.read(0.2))
    assert not folder.exists()
    assert not node.exists()
