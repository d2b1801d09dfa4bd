"""The versions of what mdevview uses on this host."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path

from app import __version__

_PACKAGES = (
    "PyQt6",
    "PyQt6-Qt6",
    "PyOpenGL",
    "numpy",
    "mcap",
    "zstandard",
    "pyudev",
    "jeepney",
    "qemu.qmp",
    "libvirt-python",
)
_LIBRARY_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/lib/*-linux-gnu*", "/lib64", "/run/opengl-driver/lib")
_DRM = re.compile(r"libdrm\.so\.2\.(\d+)\.\d+")


def installed_versions() -> dict[str, str]:
    """The versions that files tell, by name; what is not installed is missing. Starts no program, loads no library."""
    versions = {"mdevview": __version__, "Python": platform.python_version()}
    for each in _PACKAGES:
        try:
            versions[each] = metadata.version(each)
        except metadata.PackageNotFoundError:
            continue
    if (libdrm := libdrm_version()) is not None:
        versions["libdrm"] = libdrm
    versions["Linux"] = os.uname().release
    return versions


def libdrm_version(root: Path = Path("/")) -> str | None:
    """libdrm's version by the name of its file: libdrm.so.2.123.0 is that of version 2.4.123 (its meson.build)."""
    for folder in _LIBRARY_FOLDERS:
        for file in sorted(root.glob(f"{folder[1:]}/libdrm.so.2")):
            if match := _DRM.fullmatch(file.resolve().name):
                return f"2.4.{match[1]}"
    return None


def qemu_version(output: bytes) -> str | None:
    """The version in what ``qemu-system-x86_64 --version`` prints; None if there is none."""
    match = re.search(rb"QEMU emulator version (\d{1,3}(?:\.\d{1,3}){1,2})", output[:4096])
    return match[1].decode() if match else None
