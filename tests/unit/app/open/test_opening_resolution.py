"""What an opened device answers to a mode that it cannot have."""

from pathlib import Path

import pytest

from app.edid.mode import Mode
from app.errors import ResolutionRefused
from app.host.discovery import find_mdev
from app.open.opening import vfio_session
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.hosts import UUID_A, Host
from tests.unit.sim_tools import simulated


def test_the_types_of_this_host_are_named(tmp_path: Path) -> None:
    host = Host(tmp_path)
    folder = host.mdev_type("0000:00:02.0", "i915-GVTg_V5_1", "1")
    (folder / "description").write_text("fence: 4\nresolution: 3840x2160\nweight: 16\n")
    host.mdev(UUID_A, "i915-GVTg_V5_4", 11, parent="pci0000:00/0000:00:02.0")
    vgpu = find_mdev(UUID_A, host.paths)
    with simulated("gvt,size=640x480") as (device, _):
        opened = OpenedDevice(UUID_A, UUID_A, device, vgpu, FetchRule.FREELY, lambda: None)
        session = vfio_session(opened, paths=host.paths)
        with pytest.raises(ResolutionRefused, match=r"takes it: i915-GVTg_V5_1 \(3840x2160, 1 left\)"):
            session.resolution.check(Mode(2560, 1440))
