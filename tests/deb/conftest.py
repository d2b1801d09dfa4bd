"""One Debian 13 for all tests, made by root, and the package built from this checkout."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deb.debian_root import REPOSITORY, DebianRoot, debian_source
from tests.gate import need_programs, unavailable

# What every desktop has: a renderer, here in software, and a font. And AppStream's newest rules, for the metadata.
_BESIDE = ("libgl1-mesa-dri", "fonts-dejavu-core", "appstream")


@pytest.fixture(scope="session")
def building() -> Iterator["subprocess.Popen[str]"]:
    """Builds the package while the Debian is made: each takes about a minute.

    A user with a strict umask builds it, which a file of the checkout has, too.
    """
    need_programs("dpkg-deb", "strip")
    private, pipe = REPOSITORY / "app/errors.py", subprocess.PIPE
    mode = private.stat().st_mode
    with tempfile.TemporaryDirectory(prefix="mdevview-deb-") as folder:
        private.chmod(0o600)
        try:
            command = ["sh", "packaging/deb.sh", folder]
            with subprocess.Popen(command, cwd=REPOSITORY, stdout=pipe, stderr=pipe, text=True, umask=0o077) as process:
                try:
                    yield process
                finally:
                    process.kill()
        finally:
            private.chmod(mode)


@pytest.fixture(scope="session")
def package(building: "subprocess.Popen[str]") -> Path:
    output, errors = building.communicate(timeout=300)
    assert building.returncode == 0, errors
    return Path(output.strip())


@pytest.fixture(scope="session")
def debian(building: "subprocess.Popen[str]") -> Iterator[DebianRoot]:
    """With all that the package depends on, and not yet the package."""
    if os.getuid() != 0:
        unavailable("only root can make a Debian in a folder: run this step as root, as in a container")
    need_programs("mmdebstrap", "unshare", "chroot", "dpkg-deb")
    try:
        debian_source()
    except (LookupError, OSError, KeyError) as error:
        unavailable(f"apt's sources do not tell where Debian 13 is: {error}")
    with tempfile.TemporaryDirectory(prefix="mdevview-debian-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        yield DebianRoot.make(root, (*dependencies(), *_BESIDE))


def dependencies() -> list[str]:
    """The names of the packages that the package depends on."""
    lines = (REPOSITORY / "packaging/deb/control").read_text().replace("@PYTHON@", "python3").splitlines()
    (words,) = (line.partition(":")[2] for line in lines if line.startswith("Depends:"))
    return [each.split("(")[0].split("|")[0].strip() for each in words.split(",")]
