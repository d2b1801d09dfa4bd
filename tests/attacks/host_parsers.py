"""The parsers of what VMs and drivers tell of themselves beside the command line. See :mod:`tests.attacks.parsers`."""

import os
import tempfile
from functools import cache
from pathlib import Path

from app.edid.mode import MAX_EDGE, Mode
from app.host import nvidia
from app.host.larger_type import larger_type, sized_type
from app.host.mdev import MdevType
from app.host.start_folder import parse_pwd
from app.qemu.command_line import parse_command_line
from app.qemu.display_options import display_options
from app.qemu.folder_options import leaves_folder
from app.qemu.option_text import global_property, items, pair, quoted, sections, set_option
from app.text.clean import LONGEST_NAME
from app.vm.manager import manager_of
from app.vm.vfio_properties import _PROPERTY

_MOST_FILE = 1 << 16
_TYPE = MdevType("0000:00:02.0", "mbochs-large", None, 1, Path("/"))


def check_option_text(data: bytes) -> None:
    """The value of -set, of -global, or of any option."""
    text = os.fsdecode(data)
    given = set_option(text)
    if given is not None:
        assert f"{given.group}.{given.id}.{given.key}={given.value}" == text
    default = global_property(text)
    assert default is None or all(isinstance(each, str) for each in default)
    pairs = items(text, "first")
    again = ",".join(filter(None, (pair(key, value) for key, value in pairs)))
    assert len(again) <= 2 * len(text) + 10 * len(pairs)
    if "\0" not in text:
        assert items(f"a={quoted(text)}") == [("a", text)]


def check_config(data: bytes) -> None:
    """A configuration file, alone and with what the command line adds to it."""
    text = data.decode("utf-8", "replace")
    found = sections(text)
    assert sum(len(each.group) + len(each.value) for each in found) <= 3 * len(text) + 8
    arguments = ["qemu", "-readconfig", "a", "-set", "device.gpu.display=on", "-readconfig", "a"]
    line = parse_command_line(arguments, {"a": text})
    assert line.reads_config or not text or len(line.options) >= len(found)
    display_options(line, "0000:00:02.0")
    display_options(line, None)
    leaves_folder(line)
    for each in line.monitors:
        if each.address is not None:
            assert manager_of(each.address) in ("", "Proxmox VE", "KubeVirt", "libvirt", "Incus", "LXD", "Ganeti")


def check_nvidia(data: bytes) -> None:
    """Both files of a virtual function."""
    folder = _folder()
    for name in ("current_vgpu_type", "creatable_vgpu_types"):
        (folder / "nvidia" / name).write_bytes(data)
    number = nvidia.current_type(folder)
    assert number is None or 0 <= number < 10**18
    for number, name in nvidia.creatable_types(folder).items():
        assert 0 < number < 10**18
        assert len(name) <= LONGEST_NAME and name.isprintable() and name


@cache
def _folder() -> Path:
    folder = Path(_temporary().name)
    (folder / "nvidia").mkdir()
    return folder


@cache
def _temporary() -> "tempfile.TemporaryDirectory[str]":
    # Removed at the end of the program.
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(prefix="mdevview-parsers-", dir=memory if Path(memory).is_dir() else None)


def check_description(data: bytes) -> None:
    """The description of a type, and what is said about it."""
    sized = sized_type(_TYPE, data.decode("utf-8", "replace"))
    if sized is None:
        return
    assert str(sized).isprintable() and len(str(sized)) < 200
    limits = sized.limits
    assert (limits.max_width or 1) <= MAX_EDGE and (limits.max_height or 1) <= MAX_EDGE
    told = larger_type(Mode(1920, 1080), limits, (sized,))
    assert told.isprintable() and len(told) < 300


def check_environment(data: bytes) -> None:
    folder = parse_pwd(data)
    assert folder is None or (folder.startswith("/") and "\0" not in folder and len(os.fsencode(folder)) < 4096)


def check_help(data: bytes) -> None:
    """The help of a program in QEMU's place."""
    for each in _PROPERTY.findall(data.decode(errors="replace")):
        assert each.isascii() and "=" not in each and "\n" not in each


HOST_ROWS = (
    (
        "option text",
        check_option_text,
        (
            b"device.gpu.display=on",
            b"vfio-pci.x-igd-opregion=on",
            b"driver=vfio-pci,property=display,value=a,,b",
            b"unix:/run/a,,b,server=on,nowait",
        ),
    ),
    (
        "config file",
        check_config,
        (
            b'[device "gpu"]\n  driver = "vfio-pci"\n  host = "0000:00:02.0"\n[global]\ndriver = "vfio-pci"\n'
            b'property = "display"\nvalue = "on"\n',
            b'# a\n[name]\n  guest = "desk"\n[chardev "qmp"]\nbackend = "socket"\npath = "/var/run/qemu-server/1.qmp"\n'
            b'server = "on"\n[mon]\nchardev = "qmp"\nmode = "control"\n[run-with]\nchroot = "/x"\n',
        ),
        _MOST_FILE,
    ),
    (
        "NVIDIA's types",
        check_nvidia,
        (b"ID    : vGPU Name\n1147  : NVIDIA L40S-1Q\n1152  : NVIDIA L40S-8Q\n", b"1152\n", b"0"),
        _MOST_FILE,
    ),
    (
        "type description",
        check_description,
        (
            b"low_gm_size: 128MB\nhigh_gm_size: 512MB\nfence: 4\nresolution: 1920x1200\nweight: 4\n",
            b"num_heads=4, frl_config=60, framebuffer=2048M, max_resolution=4096x2160, max_instance=8",
            b"virtual display, 64 MB video memory",
        ),
        _MOST_FILE,
    ),
    ("environment", check_environment, (b"HOME=/root\0PWD=/var/lib/vm\0A=b\0", b"PWD=\0", b"PWD=/a"), 1 << 17),
    (
        "help of QEMU",
        check_help,
        (b"vfio-pci options:\n  display=<OnOffAuto>    - on/off/auto\n  x-igd-opregion=<bool>\n  fd=<str>\n",),
        1 << 18,
    ),
)
