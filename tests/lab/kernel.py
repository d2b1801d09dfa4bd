"""Finds the kernel to boot: an installed one, with its headers and the source of the sample drivers."""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

from tests.lab.gate import MissingError


@dataclass(frozen=True)
class Kernel:
    version: str
    image: Path
    build: Path
    source: Path


def newest_first(version: str) -> list[tuple[int, str]]:
    """A sort key that puts 6.12.9 before 6.12.10."""
    return [(int(digits), text) if digits else (-1, text) for digits, text in re.findall(r"(\d+)|(\D+)", version)]


def find(wanted: str | None = None, root: Path = Path("/")) -> Kernel:
    """The newest complete kernel below `root`, or the one of the version `wanted`.

    Raises MissingError with the first part that is missing.
    """
    if platform.machine() != "x86_64":
        raise MissingError(f"the lab boots x86-64 kernels only, this machine is {platform.machine()}")
    folder = root / "lib/modules"
    versions = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    versions.sort(key=newest_first, reverse=True)
    if wanted is not None:
        versions = [version for version in versions if version == wanted]
    lacks = f"no kernel{f' {wanted}' if wanted else ''} in {folder} (Debian: linux-image-amd64)"
    for version in versions:
        found = _complete(version, root)
        if isinstance(found, Kernel):
            return found
        lacks = f"kernel {version}: {found}"
    raise MissingError(lacks)


def _complete(version: str, root: Path) -> Kernel | str:
    modules = root / "lib/modules" / version
    image = root / f"boot/vmlinuz-{version}"
    release = re.match(r"\d+\.\d+", version)
    if release is None or not image.is_file():
        return f"no {image} (Debian: linux-image-amd64)"
    if not list(modules.glob("kernel/drivers/vfio/mdev/mdev.ko*")):
        return f"no mdev module in {modules}; a cloud kernel has none (Debian: linux-image-amd64)"
    build = modules / "build"
    if not (build / "Makefile").is_file():
        return f"no {build}/Makefile (Debian: linux-headers-amd64)"
    source = root / f"usr/src/linux-source-{release[0]}.tar.xz"
    if not source.is_file():
        return f"no {source} (Debian: linux-source-{release[0]})"
    return Kernel(version, image, build, source)
