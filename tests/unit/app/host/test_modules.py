"""Which modules this host has."""

from pathlib import Path

import pytest

from app.host.modules import ModuleState, module_state
from tests.unit.hosts import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_modules_from_sysfs_and_depmod(host: Host, tmp_path: Path) -> None:
    lists = tmp_path / "modules/1.2.3"
    paths = type(host.paths)(host.paths.sys, host.paths.dev, host.paths.proc, tmp_path / "modules")
    assert module_state("vfio", paths, "1.2.3") is ModuleState.UNKNOWN
    lists.mkdir(parents=True)
    (lists / "modules.builtin").write_text("kernel/drivers/vfio/vfio.ko\n")
    (lists / "modules.dep").write_text("kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/drivers/vfio/mdev/mdev.ko.xz\n")
    (host.paths.sys / "module/kvm").mkdir(parents=True)
    found = {name: module_state(name, paths, "1.2.3") for name in ("vfio", "vfio_pci", "kvm", "mdev")}
    assert found == {
        "vfio": ModuleState.BUILT_IN,
        "vfio_pci": ModuleState.AVAILABLE,
        "kvm": ModuleState.LOADED,
        "mdev": ModuleState.ABSENT,
    }
