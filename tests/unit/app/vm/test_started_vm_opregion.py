"""``run`` gives a GVT-g vGPU its OpRegion: what QEMU is started with."""

import json
import time
from pathlib import Path

import pytest

from app.vm import igd_opregion
from app.vm.started_vm import StartOptions, start_vm
from tests.unit.fake_qemu import FakeQemu
from tests.unit.hosts import UUID_A, Host

_PATIENCE_S = 60.0
_DEVICE = "vfio-pci,sysfsdev={}/bus/mdev/devices/" + UUID_A
_OPREGION = "x-igd-opregion=on"


@pytest.mark.parametrize(
    ("type_id", "known", "own", "added"),
    [
        ("i915-GVTg_V5_4", True, False, ["-device", f"{_DEVICE},display=off,{_OPREGION}"]),
        ("i915-GVTg_V5_4", True, True, ["-global", f"vfio-pci.{_OPREGION}"]),
        # A QEMU for another processor, or an old one.
        ("i915-GVTg_V5_4", False, False, ["-device", f"{_DEVICE},display=off"]),
        ("mbochs-small", True, False, ["-device", f"{_DEVICE},display=off"]),
    ],
)
def test_gvt_vgpu_gets_its_opregion_where_qemu_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, type_id: str, known: bool, own: bool, added: list[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    host = Host(tmp_path / "host")
    host.mdev(UUID_A, type_id, 7)
    fake_qemu = FakeQemu(tmp_path, properties=(igd_opregion.PROPERTY,) if known else ())
    users = ["-device", f"{_DEVICE.format(host.paths.sys)},display=off"] if own else []
    running = start_vm(StartOptions((str(fake_qemu.program), *users)), host.paths)
    try:
        until = time.monotonic() + _PATIENCE_S
        while not fake_qemu.report.exists():
            assert running.child.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        arguments = json.loads(fake_qemu.report.read_text())["arguments"]
        assert arguments[: len(users)] == users
        assert arguments[len(users) + 2 :] == [each.format(host.paths.sys) for each in added]
    finally:
        running.close()
