"""Boots Xen with dom0 in QEMU, without KVM, and runs a shell command in dom0."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.vm import Ended
from tests.lab.xen.packages import Unpacked

_XEN_OPTIONS = "bootscrub=0 console=com1 com1=115200,8n1 cpuidle=0 mwait-idle=0 spec-ctrl=no sync_console=no"
_XEN_MEMORY = "dom0_mem=1536M,max:1536M dom0_max_vcpus=1 dom0_vcpus_pin"
_DOM0_OPTIONS = "console=hvc0 quiet panic=1 mitigations=off"


@dataclass(frozen=True)
class Machine:
    """What is booted. ``folder`` is writable in dom0 under the same name."""

    unpacked: Unpacked
    kernel: Path
    initramfs: Path
    folder: Path


def boot(machine: Machine, repository: Path, command: str, environment: dict[str, str], seconds: float) -> Ended:
    """Run ``command`` in dom0 after Xen's daemons have started. At the time limit the machine is killed."""
    folder = machine.folder
    (folder / "command").write_text(command + "\n")
    (folder / "environment").write_text("".join(f"export {key}='{value}'\n" for key, value in environment.items()))
    (folder / "folder").write_text(str(folder))
    (folder / "repository").write_text(str(repository))
    started = time.monotonic()
    timed_out = not _run(_command(machine), folder / "qemu.txt", seconds)
    status = folder / "status"
    said = status.read_text().strip() if status.is_file() else ""
    return Ended(int(said) if said else None, time.monotonic() - started, timed_out)


def _command(machine: Machine) -> list[str]:
    unpacked = machine.unpacked
    shares = (("root", Path("/"), True), ("xen", unpacked.xen, True), ("out", machine.folder, False))
    return [
        str(unpacked.qemu),
        *(word for folder in unpacked.qemu_data for word in ("-L", str(folder))),
        *("-accel", "tcg", "-machine", "q35", "-cpu", "EPYC,-rdtscp,-smap,-smep", "-smp", "3", "-m", "4G"),
        *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{machine.folder / 'console.txt'}"),
        *("-kernel", str(unpacked.hypervisor), "-append", f"{_XEN_OPTIONS} {_XEN_MEMORY}"),
        *("-initrd", f"{machine.kernel} {_DOM0_OPTIONS},{machine.initramfs}"),
        *(word for name, path, read_only in shares for word in _share(name, path, read_only)),
    ]


def _share(name: str, path: Path, read_only: bool) -> tuple[str, ...]:
    options = f"local,id={name},path={path},security_model=none,multidevs=remap"
    return (
        *("-fsdev", options + (",readonly=on" if read_only else "")),
        *("-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"),
    )


def _run(command: list[str], output: Path, seconds: float) -> bool:
    """Run the command to its end. At the time limit, and at an exception, it is killed."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        try:
            process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
