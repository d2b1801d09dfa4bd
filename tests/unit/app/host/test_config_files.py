"""The configuration files of a VM: read as it read them, or not at all."""

import os
import time
from pathlib import Path

import pytest

from app.host.config_files import with_configs
from app.host.vm import Vm
from tests.unit.hosts import Host, stat_line

CONFIG = '[name]\n  guest = "desk"\n[device "gpu"]\n  driver = "vfio-pci"\n  display = "on"\n'
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """The VM 50 of this user started ten seconds from now: the files of this test are older."""
    host = Host(tmp_path / "host")
    folder = host.process(50, "qemu", ["qemu"], uid=os.geteuid())
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "work").mkdir()
    (folder / "root").symlink_to(tmp_path / "root")
    (folder / "cwd").symlink_to(tmp_path / "work")
    _started(host, 10)
    return host


def _started(host: Host, in_s: float) -> None:
    uptime = 1000.0
    (host.paths.proc / "uptime").write_text(f"{uptime} 0\n")
    started = stat_line(50, "qemu", 1, round((uptime + in_s) * _TICKS_PER_S))
    (host.paths.proc / "50/stat").write_text(started)


def _vm(*arguments: str) -> Vm:
    return Vm(50, "qemu", None, ("qemu", *arguments))


def test_files_are_those_that_the_vm_sees(host: Host, tmp_path: Path) -> None:
    (tmp_path / "root/etc/vm.cfg").write_text(CONFIG)
    (tmp_path / "work/more.cfg").write_text('[global]\ndriver = "vfio-pci"\nproperty = "ramfb"\nvalue = "on"\n')
    vm = with_configs(_vm("-readconfig", "/etc/vm.cfg", "-readconfig", "more.cfg"), host.paths)
    assert vm.name == "desk"
    line = vm.command_line()
    assert [dict(each.properties) for each in line.vfio_devices] == [{"id": "gpu", "display": "on", "ramfb": "on"}]
    assert not line.reads_config


@pytest.mark.parametrize(
    ("option", "name"),
    [
        (["-daemonize"], "vm.cfg"),
        (["-chroot", "/jail"], "vm.cfg"),
        (["-chroot", "/jail"], "/vm.cfg"),
        (["-run-with", "chroot=/jail"], "/vm.cfg"),
    ],
)
def test_file_in_a_folder_that_qemu_went_to_later_is_not_read(
    host: Host, tmp_path: Path, option: list[str], name: str
) -> None:
    """What has that name there is another file."""
    for folder in ("root", "work"):
        (tmp_path / folder / "vm.cfg").write_text(CONFIG)
    assert not with_configs(_vm("-readconfig", name), host.paths).command_line().reads_config
    assert with_configs(_vm(*option, "-readconfig", name), host.paths).command_line().reads_config


def test_what_cannot_be_known_counts_as_unread(host: Host, tmp_path: Path) -> None:
    arguments = ("-readconfig", "/etc/vm.cfg")
    assert with_configs(_vm(*arguments), host.paths).command_line().reads_config, "there is no such file"
    file = tmp_path / "root/etc/vm.cfg"
    file.write_text("#" * (1 << 17))
    assert with_configs(_vm(*arguments), host.paths).command_line().reads_config, "no configuration is so long"
    file.unlink()
    os.mkfifo(file)
    began = time.monotonic()
    assert with_configs(_vm(*arguments), host.paths).command_line().reads_config
    assert time.monotonic() - began < 10, "nobody writes to the FIFO"
    file.unlink()
    file.write_text(CONFIG)
    assert not with_configs(_vm(*arguments), host.paths).command_line().reads_config
    _started(host, -10)
    assert with_configs(_vm(*arguments), host.paths).command_line().reads_config, "it changed after the VM's start"
    (host.paths.proc / "uptime").unlink()
    assert with_configs(_vm(*arguments), host.paths).command_line().reads_config


def test_a_vm_without_such_a_file_reads_nothing(host: Host) -> None:
    vm = _vm("-name", "a")
    assert with_configs(vm, host.paths) is vm
