"""Creates and removes mediated devices through sysfs, as mdevctl does."""

import threading
import time
import uuid
from pathlib import Path

BUS = Path("/sys/bus/mdev/devices")
PARENTS = Path("/sys/class/mdev_bus")


def create(parent: str, kind: str) -> str:
    """Create a device of type `parent`-`kind`. Returns its UUID."""
    name = str(uuid.uuid4())
    (PARENTS / parent / "mdev_supported_types" / f"{parent}-{kind}" / "create").write_text(name)
    return name


def group(name: str) -> str:
    return (BUS / name / "iommu_group").resolve().name


def remove(name: str) -> None:
    (BUS / name / "remove").write_text("1")


def in_use(name: str) -> bool:
    """Whether a process has the group of the device open."""
    node = f"/dev/vfio/{group(name)}"
    for fd in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(fd.readlink()) == node:
                return True
        except OSError:
            continue
    return False


class Removal(threading.Thread):
    """Removes a device on a thread: the write to `remove` blocks while a process has the device open."""

    def __init__(self, name: str) -> None:
        super().__init__(daemon=True)
        self.name_of_device = name
        self.seconds: float | None = None
        self.start()

    def run(self) -> None:
        started = time.monotonic()
        remove(self.name_of_device)
        self.seconds = time.monotonic() - started

    def done_within(self, seconds: float) -> bool:
        self.join(seconds)
        return not self.is_alive()
