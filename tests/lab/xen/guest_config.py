"""The configurations of the guests, for xl."""

from pathlib import Path

SIZE = (320, 240)
WAITED = "waited"

# Programs of dom0 crashed at random where QEMU 7.2 ran a PVH guest on dom0's CPU, which is CPU 0.
_CPUS = {"pv": 1, "pvh": 2}


def write(folder: Path, name: str, kind: str, kernel: Path, be_alloc: int) -> Path:
    """A guest of 256 MiB with a display and no disk; a PV guest has a keyboard too. Returns the file.

    `xl destroy` waits 10 s for a keyboard that nobody serves.
    """
    width, height = SIZE
    options = "console=hvc0 quiet panic=1 mitigations=off" + (" clocksource=xen" if kind == "pvh" else "")
    keyboard = f'vkb = ["backend-type=linux,feature-abs-pointer=1,width={width},height={height}"]\n'
    file = folder / f"{name}.cfg"
    file.write_text(
        f"""name = "{name}"
type = "{kind}"
memory = 256
vcpus = 1
cpus = "{_CPUS[kind]}"
on_crash = "destroy"
on_reboot = "destroy"
kernel = "{kernel}"
ramdisk = "{folder}/guest.cpio"
extra = "{options}"
vdispl = ["backend=0,be-alloc={be_alloc},connectors=screen:{width}x{height}"]
"""
        + (keyboard if kind == "pv" else "")
    )
    return file


def write_waited(folder: Path, kernel: Path) -> Path:
    """A small guest with a display only, which is created while a viewer waits for it. Returns the file."""
    width, height = SIZE
    file = folder / f"{WAITED}.cfg"
    file.write_text(
        f"""name = "{WAITED}"
type = "pv"
memory = 96
vcpus = 1
kernel = "{kernel}"
vdispl = ["backend=0,be-alloc=0,connectors=screen:{width}x{height}"]
"""
    )
    return file
