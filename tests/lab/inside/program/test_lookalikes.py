"""VMs with vGPUs of other vendors, as ``mdevview run`` starts them: drivers that look like theirs, and a real QEMU."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.host import proc
from app.vm.started_vm import StartedVm, StartOptions, start_vm
from tests.lab.inside import lookalikes, mdev
from tests.lab.inside.conftest import Create, Fact

_NAME = "11111111-2222-3333-4444-555555555555"
_PATIENCE_S = 120.0


@contextmanager
def _started(folder: Path, type_id: str, *more: str) -> Iterator[StartedVm]:
    """A VM without a disk whose firmware writes to the file "bios"; at the end it is ended and its vGPU removed."""
    vm = (
        *("qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-nodefaults", "-m", "64"),
        *("-display", "none", "-vga", "none"),
        *("-chardev", f"file,id=bios,path={folder}/bios", "-device", "isa-debugcon,iobase=0x402,chardev=bios"),
    )
    running = start_vm(StartOptions((*vm, *more), uuid=_NAME, type=type_id))
    try:
        yield running
    finally:
        running.close()


def _bios(running: StartedVm, folder: Path) -> str:
    """What the firmware wrote until it looked for a disk."""
    until = time.monotonic() + _PATIENCE_S
    file = folder / "bios"
    while not file.exists() or "Booting from" not in file.read_text(errors="replace"):
        assert running.child.poll() is None, "QEMU ended"
        assert time.monotonic() < until, "the firmware did not start"
        time.sleep(0.1)
    return file.read_text(errors="replace")


def _arguments(running: StartedVm) -> tuple[str, ...]:
    """QEMU's command line.

    It is empty for a moment after the start: the kernel closes the fd that tells of the exec before it sets the
    arguments (begin_new_exec() and create_elf_tables()).
    """
    until = time.monotonic() + _PATIENCE_S
    with proc.open_folder(Path("/proc") / str(running.child.pid)) as folder:
        while not (line := proc.read_command_line(folder)[0]):
            assert running.child.poll() is None, "QEMU ended"
            assert time.monotonic() < until, "QEMU has no command line"
            time.sleep(0.01)
    return proc.split_arguments(line)


@pytest.mark.parametrize("own", [False, True], ids=["added", "of the user"])
def test_guest_of_gvt_g_finds_its_opregion(tmp_path: Path, own: bool, fact: Fact) -> None:
    """Also if the device is on the user's command line. The guest's firmware looks for it, as its driver does."""
    device = f"vfio-pci,sysfsdev={mdev.BUS / _NAME},display=off"
    with lookalikes.loaded("gvt_like"):
        with _started(tmp_path, "i915-GVTg_V5_8", *(("-device", device) if own else ())) as running:
            told = _bios(running, tmp_path)
            added = _arguments(running)[-2:]
            assert "Intel IGD OpRegion enabled" in told
            assert added == (
                ("-global", "vfio-pci.x-igd-opregion=on") if own else ("-device", f"{device},x-igd-opregion=on")
            )
            fact(f"run of a GVT-g type, own device {own}, adds", " ".join(added))
        assert not (mdev.BUS / _NAME).exists()


def test_device_without_an_opregion_does_not_start_with_the_option(create: Create, fact: Fact) -> None:
    """That is why only GVT-g vGPUs get it."""
    device = f"vfio-pci,sysfsdev={mdev.BUS / create('mbochs_rw', 'small')},display=off,x-igd-opregion=on"
    arguments = ("-accel", "tcg", "-machine", "pc", "-nodefaults", "-m", "64", "-S", "-display", "none")
    done = subprocess.run(
        ["qemu-system-x86_64", *arguments, "-device", device],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1 and "OpRegion" in done.stderr
    fact("QEMU with x-igd-opregion=on for mbochs", done.stderr.splitlines()[-1].rpartition(": vfio ")[2][38:])


def test_vm_of_an_nvidia_vgpu_has_its_uuid(tmp_path: Path) -> None:
    """NVIDIA's manager refuses a VM without one."""
    with lookalikes.loaded("nvidia_like"), _started(tmp_path, "nvidia-63") as running:
        arguments = _arguments(running)
        assert arguments[arguments.index("-uuid") + 1] == _NAME
        assert not any("x-igd-opregion" in each for each in arguments)


def test_ramfb_needs_no_display_of_the_vgpu(create: Create, tmp_path: Path) -> None:
    """The options that a finding gives for the boot screen of a GVT-g guest: QEMU takes them."""
    own = ("-device", "ramfb", "-device", f"vfio-pci,sysfsdev={mdev.BUS / create('mbochs_rw', 'small')},display=off")
    # A region display needs no OpenGL.
    of_vgpu = ("-device", f"vfio-pci-nohotplug,sysfsdev={mdev.BUS / create('mdpy', 'vga')},display=on,ramfb=on")
    for device in (own, of_vgpu):
        arguments = ("-accel", "tcg", "-machine", "pc", "-nodefaults", "-m", "64", "-display", "none", *device)
        done = subprocess.run(
            ["qemu-system-x86_64", *arguments, "-monitor", "stdio"],
            input="quit\n",
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
