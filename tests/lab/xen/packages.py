"""Fetches the packages of Xen and of QEMU 7.2, and unpacks them in the work folder. Nothing is installed.

QEMU 10 cannot run PVH guests without KVM: a read of CR2 that Xen intercepts is reported as one of CR0
(target/i386/tcg/sysemu/misc_helper.c), and the guest's kernel halts before its first message.
"""

import gzip
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lab.gate import MissingError

_XEN = "4.17"
_XEN_PACKAGES = (
    f"xen-hypervisor-{_XEN}-amd64",
    f"xen-utils-{_XEN}",
    "xen-utils-common",
    "xenstore-utils",
    f"libxenmisc{_XEN}",
    "libxencall1",
    "libxendevicemodel1",
    "libxenevtchn1",
    "libxenforeignmemory1",
    "libxengnttab1",
    "libxenhypfs1",
    "libxenstore4",
    "libxentoolcore1",
    "libxentoollog1",
    "libyajl2",
)
_QEMU = "1:7.2"
_QEMU_PACKAGES = ("qemu-system-x86", "qemu-system-common", "qemu-system-data")
_SEABIOS = "seabios"


@dataclass(frozen=True)
class Unpacked:
    """The unpacked packages. ``hypervisor`` is uncompressed, as QEMU wants it."""

    xen: Path
    hypervisor: Path
    tools: Path
    qemu: Path
    qemu_data: tuple[Path, ...]


def fetch(work: Path) -> Unpacked:
    """Fetch and unpack unless an earlier run did. Raises MissingError."""
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise MissingError(f"no {tool}: the lab takes Xen from packages of Debian 12")
    folder = work / "xen"
    wanted = [
        *(f"{name}={_version(name, _XEN)}" for name in _XEN_PACKAGES[:1]),
        *_XEN_PACKAGES[1:],
        *(f"{name}={_version(name, _QEMU)}" for name in _QEMU_PACKAGES),
        _SEABIOS,
    ]
    stamp = folder / "stamp"
    made_of = "\n".join(wanted) + "\n"
    if not stamp.is_file() or stamp.read_text() != made_of:
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("deb", "xen", "qemu"):
            (folder / part).mkdir(parents=True)
        _download(wanted, folder / "deb")
        for package in sorted((folder / "deb").glob("*.deb")):
            ours = package.name.startswith(("qemu", "seabios"))
            _run("dpkg-deb", "-x", str(package), str(folder / ("qemu" if ours else "xen")))
        packed = next((folder / "xen/boot").glob("xen-*-amd64.gz"))
        (folder / "xen.bin").write_bytes(gzip.decompress(packed.read_bytes()))
        stamp.write_text(made_of)
    qemu = folder / "qemu"
    unpacked = Unpacked(
        folder / "xen",
        folder / "xen.bin",
        folder / f"xen/usr/lib/xen-{_XEN}/bin",
        qemu / "usr/bin/qemu-system-x86_64",
        (qemu / "usr/share/qemu", qemu / "usr/share/seabios"),
    )
    _check_libraries(unpacked.qemu)
    return unpacked


def _version(package: str, prefix: str) -> str:
    """The newest version of the package that begins so. apt lists the newest first. Raises MissingError."""
    said = subprocess.run(["apt-cache", "madison", package], capture_output=True, text=True, check=False).stdout
    for line in said.splitlines():
        version = line.split("|")[1].strip()
        if version.startswith(prefix):
            return version
    raise MissingError(f"apt has no {package} of version {prefix} (Debian 12 has it)")


def _download(packages: list[str], folder: Path) -> None:
    # As another user apt warns that its own user cannot write there.
    command = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", *packages]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingError(f"the packages of Xen cannot be fetched: {done.stderr.strip()[-500:]}")


def _check_libraries(program: Path) -> None:
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False, env=os.environ).stdout
    missing = [line.split()[0] for line in said.splitlines() if "not found" in line]
    if missing:
        raise MissingError(f"QEMU 7.2 lacks {', '.join(missing)} (Debian: qemu-system-x86)")


def _run(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingError(f"{command[0]} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
