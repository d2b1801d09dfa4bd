"""Which domain of Xen this program runs in, and what its kernel offers for the screens of other domains."""

import os
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from app.host.modules import ModuleState, module_state
from app.host.paths import HOST, Paths, text_of

MODULES = ("xen_gntdev", "xen_evtchn", "xen_gntalloc")
"""The drivers of /dev/xen/gntdev, evtchn and gntalloc. That of xenbus is a part of the kernel."""
NODES = ("gntdev", "evtchn", "xenbus")
"""The files in /dev/xen that a viewer opens."""

_NO_UUID = "00000000-0000-0000-0000-000000000000"
_DMABUF = b"CONFIG_XEN_GNTDEV_DMABUF"
_MAX_CONFIG = 1 << 21


class KernelOption(Enum):
    """An option that a kernel was built with."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class XenHost:
    """A domain of Xen, as its kernel describes it. What is not told is None or "".

    ``is_dom0``: the domain that manages the others. ``guest_type`` is "PV", "PVH" or "HVM". ``version`` is Xen's.
    ``machine`` is the processor's architecture ("x86_64"). ``gntdev_dmabuf`` is the kernel's option
    CONFIG_XEN_GNTDEV_DMABUF, found in ``config``. ``modules`` has the state of each of MODULES.
    """

    is_dom0: bool
    guest_type: str
    version: str
    machine: str
    modules: tuple[tuple[str, ModuleState], ...]
    gntdev_dmabuf: KernelOption
    config: str

    @property
    def is_x86(self) -> bool:
        return self.machine in ("x86_64", "i386", "i486", "i586", "i686")


def xen_host(paths: Paths = HOST, release: str = "", machine: str = "") -> XenHost | None:
    """The domain that this is; None if the kernel does not run on Xen. ``release`` and ``machine`` are of uname(2).

    The files are those of drivers/xen/sys-hypervisor.c and drivers/xen/xenfs. Reads files only.
    """
    hypervisor = paths.sys / "hypervisor"
    if text_of(hypervisor / "type") != "xen":
        return None
    uname = os.uname()
    option, config = kernel_option(_DMABUF, paths, release or uname.release)
    return XenHost(
        is_dom0(paths),
        text_of(hypervisor / "guest_type") or "",
        _version(hypervisor / "version"),
        machine or uname.machine,
        tuple((each, module_state(each, paths, release)) for each in MODULES),
        option,
        config,
    )


def is_dom0(paths: Paths = HOST) -> bool:
    """Whether this domain manages the others. Reads files only."""
    capabilities = text_of(paths.proc / "xen/capabilities")
    if capabilities:
        return "control_d" in capabilities.split()
    # Without xenfs. Only the first domain has this UUID.
    return text_of(paths.sys / "hypervisor/uuid") == _NO_UUID


def _version(folder: Path) -> str:
    major, minor, extra = (text_of(folder / each) or "" for each in ("major", "minor", "extra"))
    return f"{major}.{minor}{extra}" if major and minor else ""


def kernel_option(name: bytes, paths: Paths = HOST, release: str = "") -> tuple[KernelOption, str]:
    """An option of the kernel ``release`` (default: the running one), and the file that told it ("" if none did)."""
    for file in (
        paths.boot / f"config-{release or os.uname().release}",
        paths.modules / (release or os.uname().release) / "config",
        paths.proc / "config.gz",
    ):
        text = _config(file)
        if text is not None:
            lines = {each.strip() for each in text.split(b"\n")}
            is_on = bool(lines & {name + b"=y", name + b"=m"})
            return (KernelOption.ON if is_on else KernelOption.OFF), str(file)
    return KernelOption.UNKNOWN, ""


def _config(file: Path) -> bytes | None:
    """The first 2 MiB of a kernel's configuration; None if it cannot be read or has no option."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_CONFIG)
        if file.suffix == ".gz":
            data = zlib.decompressobj(wbits=31).decompress(data, _MAX_CONFIG)
    except (OSError, zlib.error):
        return None
    return data if b"CONFIG_" in data else None
