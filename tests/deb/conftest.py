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
def package() -> Iterator[Path]:
    """Built by a user with a strict umask, which a file of the checkout has, too."""
    need_programs("dpkg-deb", "strip")
    private = REPOSITORY / "app/errors.py"
    mode = private.stat().st_mode
    with tempfile.TemporaryDirectory(prefix="mdevview-deb-") as folder:
        private.chmod(0o600)
        try:
            done = subprocess.run(
                ["sh", "packaging/deb.sh", folder],
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
                umask=0o077,
            )
        finally:
            private.chmod(mode)
        assert done.returncode == 0, done.stderr
        yield Path(done.stdout.strip())


@pytest.fixture(scope="session")
def debian(package: Path) -> Iterator[DebianRoot]:
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
        yield DebianRoot.make(root, (*dependencies(package), *_BESIDE))


def dependencies(package: Path) -> list[str]:
    """The names of the packages that this one depends on."""
    words = subprocess.run(
        ["dpkg-deb", "-f", str(package), "Depends"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    return [each.split("(")[0].split("|")[0].strip() for each in words.split(",")]
