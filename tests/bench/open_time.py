"""How long opening a vGPU in use and listing the vGPUs take on a busy host: ``python -m tests.bench.open_time``.

The processes are real ones that sleep, with real files open, so that /proc costs what it costs. The VM and its device
are those of the unit tests.
"""

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.host.discovery import discover
from app.host.scan import HostScan
from app.open.opening import OpenOptions, open_device
from app.open.target import Named, Target, VmName
from tests.unit.hosts import UUID_A, Host, Listings, qemu
from tests.unit.vms import Child, Vms

_DEVICE = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"


@contextmanager
def sleeping(count: int, files: int) -> Iterator[list[int]]:
    """So many processes with so many files open."""
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(files)]
    for each in fds:
        os.set_inheritable(each, True)
    pids: list[int] = []
    try:
        pids += [os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}) for _ in range(count)]
        yield pids
    finally:
        for fd in fds:
            os.close(fd)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@contextmanager
def _vm(root: Path, pids: list[int], files: int) -> Iterator[tuple[Host, Vms, Child]]:
    """A host with these processes and a VM that has a vGPU and so many other files open."""
    host = Host(root)
    # The driver with the most questions before a buffer is fetched.
    host.mdev(UUID_A, "mbochs-small", 1)
    (host.paths.dev / "shm").mkdir()
    for pid in pids:
        (host.paths.proc / str(pid)).symlink_to(f"/proc/{pid}")
    with closing(Vms(host)) as vms:
        more = ["/dev/null"] * files
        yield host, vms, vms.start("qemu-system-x86", qemu("a", "-device", _DEVICE), ["mbochs"], groups=[1], more=more)


def _open(host: Host, vms: Vms, target: Target) -> None:
    open_device(target, host.paths, OpenOptions(access=vms.access())).device.close()


def _list(host: Host) -> None:
    discover(HostScan.take(host.paths))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2000)
    parser.add_argument("--files", type=int, default=20, help="open files of each process")
    parser.add_argument("--vm-files", type=int, default=300, help="open files of the VM")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    with (
        sleeping(args.processes, args.files) as pids,
        tempfile.TemporaryDirectory() as folder,
        _vm(Path(folder), pids, args.vm_files) as (host, vms, vm),
    ):
        actions: dict[str, Callable[[], None]] = {
            "open UUID": lambda: _open(host, vms, Named(UUID_A)),
            "open vm:NAME": lambda: _open(host, vms, VmName("a")),
            "list": lambda: _list(host),
        }
        for name, action in actions.items():
            times = []
            for _ in range(args.rounds):
                before = time.perf_counter()
                action()
                times.append(time.perf_counter() - before)
            with pytest.MonkeyPatch.context() as patch:
                listings = Listings(host, patch)
                action()
            print(
                f"{name:14} {statistics.median(times) * 1e3:7.1f} ms (fastest {min(times) * 1e3:.1f}), "
                f"walks over /proc: {listings.walks}, listings of the VM's fds: {listings.fds[vm.pid]}"
            )


if __name__ == "__main__":
    main()
