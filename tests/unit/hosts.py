"""Stands in for a host: sysfs, /dev and /proc as discovery reads them, laid out in a temporary folder."""

import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.host.paths import Paths
from app.host.scan import HostScan

UUID_A = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
UUID_B = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002"
DEVICE_FD = "anon_inode:[vfio-device]"


def qemu(name: str, *more: str) -> list[str]:
    return ["/usr/bin/qemu-system-x86_64", "-name", f"guest={name},debug-threads=on", *more]


def close_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As for a user whom the folder's mode keeps out; chmod would not do, as tests may run as root."""

    def closed(call: Callable[..., Any], is_inside: Callable[[Path], bool]) -> Callable[..., Any]:
        def guarded(path: Any, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(path, int) and is_inside(Path(path)):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *args, **kwargs)

        return guarded

    monkeypatch.setattr(os, "stat", closed(os.stat, lambda path: folder in path.parents))
    monkeypatch.setattr(os, "listdir", closed(os.listdir, lambda path: path == folder))
    monkeypatch.setattr(os, "access", lambda path, _mode: folder not in Path(path).parents)


def stat_line(pid: int, comm: str, parent: int, started: int, flags: int = 0) -> str:
    return f"{pid} ({comm}) S {parent} 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0"


def hide_files(monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    """As for a process of another user: its fds cannot be listed. chmod would not do, as tests may run as root."""
    really_open = os.open

    def guarded(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path == "fd" and dir_fd is not None and path_of(dir_fd).endswith(f"/{pid}"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return really_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", guarded)


def path_of(folder: int | str | Path) -> str:
    """The path of a folder, which may be given by its fd."""
    return str(Path(f"/proc/self/fd/{folder}").readlink()) if isinstance(folder, int) else str(folder)


class Listings:
    """Counts how often the list of processes and the fds of each process are read."""

    def __init__(self, host: "Host", monkeypatch: pytest.MonkeyPatch) -> None:
        self.walks = 0
        self.fds: Counter[int] = Counter()
        proc = str(host.paths.proc)

        def counted(call: Callable[..., Any]) -> Callable[..., Any]:
            def listing(folder: Any = ".") -> Any:
                path = path_of(folder).rstrip("/")
                self.walks += path == proc
                if path.startswith(proc) and path.endswith("/fd"):
                    self.fds[int(path.split("/")[-2])] += 1
                return call(folder)

            return listing

        monkeypatch.setattr(os, "listdir", counted(os.listdir))
        monkeypatch.setattr(os, "scandir", counted(os.scandir))

    def clear(self) -> None:
        self.walks = 0
        self.fds.clear()


class Host:
    def __init__(self, root: Path) -> None:
        self.paths = Paths(root / "sys", root / "dev", root / "proc", boot=root / "boot")
        (self.paths.dev / "vfio").mkdir(parents=True)
        (self.paths.dev / "vfio/vfio").touch()
        (self.paths.proc / "1/fd").mkdir(parents=True)

    def scan(self) -> HostScan:
        return HostScan.take(self.paths)

    def mdev(self, uuid: str, kind: str, group: int, parent: str = "virtual/mbochs/mbochs", cdev: str = "") -> Path:
        """An mdev of type `kind`, whose driver has the name before the dash."""
        above = self.paths.sys / "devices" / parent
        folder = above / uuid
        of_type = above / "mdev_supported_types" / kind
        of_type.mkdir(parents=True, exist_ok=True)
        (of_type / "name").write_text(f"{kind} display\n")
        self._device(folder, kind.partition("-")[0], group, cdev)
        (folder / "mdev_type").symlink_to(of_type)
        self._link(self.paths.sys / "bus/mdev/devices" / uuid, folder)
        return folder

    def mdev_type(self, parent: str, kind: str, left: str | None = None, name: str = "") -> Path:
        """What a parent device can make; `create` takes one UUID, as a file does."""
        folder = self.paths.sys / "class/mdev_bus" / parent / "mdev_supported_types" / kind
        folder.mkdir(parents=True)
        (folder / "create").touch()
        if left is not None:
            (folder / "available_instances").write_text(left + "\n")
        if name:
            (folder / "name").write_text(name + "\n")
        return folder

    def pci(self, address: str, driver: str, group: int, cdev: str = "", physfn: str = "") -> Path:
        folder = self.paths.sys / "devices/pci0000:00" / address
        self._device(folder, driver, group, cdev)
        self._link(self.paths.sys / "bus/pci/devices" / address, folder)
        if physfn:
            gpu = folder.parent / physfn
            gpu.mkdir(exist_ok=True)
            (folder / "physfn").symlink_to(gpu)
            (gpu / f"virtfn{len(list(gpu.glob('virtfn*')))}").symlink_to(folder)
        return folder

    def gpu(self, at: str, vendor: int, device: int, driver: str = "", number: int | None = None, **files: str) -> Path:
        """A GPU, which is no VFIO device. Its virtual functions are made by `pci` or `nvidia_function`.

        `at` is its path below its PCI root. With `number` it has DRM nodes, as the kernel names them.
        """
        folder = self.paths.sys / "devices/pci0000:00" / at
        folder.mkdir(parents=True, exist_ok=True)
        numbers = {"class": "0x030000", "vendor": f"0x{vendor:04x}", "device": f"0x{device:04x}"}
        for name, text in (numbers | files).items():
            (folder / name).write_text(text + "\n")
        if driver:
            (folder / "driver").symlink_to(self._driver(driver, driver.replace("-", "_")))
        self._link(self.paths.sys / "bus/pci/devices" / folder.name, folder)
        for node in () if number is None else (f"card{number}", f"renderD{128 + number}"):
            (self.paths.dev / "dri").mkdir(exist_ok=True)
            self._link(folder / "drm" / node / "device", folder)
            self._link(self.paths.sys / "class/drm" / node, folder / "drm" / node)
            (self.paths.dev / "dri" / node).touch()
        return folder

    def nvidia_function(
        self, address: str, physfn: str, group: int, current: int = 0, creatable: Mapping[int, str] | None = None
    ) -> Path:
        """A virtual function of an NVIDIA GPU as driver 550 and later make them; it is a vGPU if `current` is not 0."""
        folder = self.pci(address, "nvidia", group, cdev=f"vfio{group}", physfn=physfn)
        (folder / "nvidia").mkdir()
        (folder / "nvidia/current_vgpu_type").write_text(f"{current}\n")
        lines = [f"{number:<5} : {name}\n" for number, name in (creatable or {}).items()]
        (folder / "nvidia/creatable_vgpu_types").write_text("".join(["ID    : vGPU Name\n", *lines]))
        (folder / "nvidia/vgpu_params").write_text("\n")
        return folder

    def process(
        self,
        pid: int,
        comm: str,
        arguments: Sequence[str] = (),
        files: Mapping[int, str] | None = None,
        uid: int | None = None,
    ) -> Path:
        folder = self.paths.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "fdinfo").mkdir()
        (folder / "comm").write_text(comm + "\n")
        # A process without arguments is a kernel thread (PF_KTHREAD).
        (folder / "stat").write_text(stat_line(pid, comm, 1, 0, 0 if arguments else 0x200000))
        if uid is not None:
            (folder / "status").write_text(f"Name:\t{comm}\nUmask:\t0022\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        (folder / "cmdline").write_bytes(b"".join(os.fsencode(each) + b"\0" for each in arguments))
        for fd, target in (files or {}).items():
            (folder / "fd" / str(fd)).symlink_to(target)
            (folder / "fdinfo" / str(fd)).write_text("pos:\t0\nflags:\t02000002\n")
        return folder

    def hide(self, pid: int) -> None:
        """Make a process one whose fds this user may not list, also for root: its folder of fds is none."""
        folder = self.paths.proc / str(pid) / "fd"
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()
        folder.touch()

    def _device(self, folder: Path, driver: str, group: int, cdev: str) -> None:
        folder.mkdir(parents=True)
        (folder / "driver").symlink_to(self._driver(driver, driver.replace("-", "_")))
        groups = self.paths.sys / "kernel/iommu_groups" / str(group)
        self._link(groups / "devices" / folder.name, folder)
        (folder / "iommu_group").symlink_to(groups)
        (folder / "vfio-dev").mkdir()
        (self.paths.dev / "vfio" / str(group)).touch()
        if cdev:
            (folder / "vfio-dev" / cdev).mkdir()
            self._link(self.paths.sys / "class/vfio-dev" / cdev / "device", folder)

    def _driver(self, name: str, module: str) -> Path:
        folder = self.paths.sys / "bus/drivers" / name
        folder.mkdir(parents=True, exist_ok=True)
        of_module = self.paths.sys / "module" / module
        of_module.mkdir(parents=True, exist_ok=True)
        (of_module / "refcnt").write_text("1\n")
        if not (folder / "module").is_symlink():
            (folder / "module").symlink_to(of_module)
        return folder

    @staticmethod
    def _link(link: Path, target: Path) -> None:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
