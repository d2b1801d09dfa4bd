"""Builds the sample drivers as modules, from the kernel source of the distribution, in the work folder.

This repository has no kernel source. mbochs_rw is made from mbochs when it is built (`tests.lab.edits`), and from that
drivers that look like those of other vendors (`tests.lab.lookalikes`).
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.lab import edits, lookalikes
from tests.lab.gate import MissingError
from tests.lab.kernel import Kernel

SAMPLES = "samples/vfio-mdev"
SOURCES = ("mbochs.c", "mdpy.c", "mdpy-defs.h")
MODULES = ("mbochs", edits.NAME, "mdpy")
# These are loaded only by the tests that need them.
LOOKALIKES = tuple(lookalikes.EDITS)


class BuildError(Exception):
    """The drivers could not be unpacked or built. The text has the last output of the tool."""


def build(kernel: Kernel, work: Path) -> Path:
    """Build the modules unless an earlier run did. Returns their folder. Raises MissingError, BuildError."""
    folder = work / f"drivers-{kernel.version}"
    stamp = folder / "stamp"
    made_from = _made_from(kernel)
    if stamp.is_file() and stamp.read_text() == made_from:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for tool in ("make", "gcc", "tar", "xz"):
        if shutil.which(tool) is None:
            raise MissingError(f"no {tool} to build the drivers with (Debian: {tool.replace('xz', 'xz-utils')})")
    unpack(kernel, folder, SAMPLES, SOURCES)
    writable = edits.apply((folder / "mbochs.c").read_text())
    (folder / f"{edits.NAME}.c").write_text(writable)
    for name, changes in lookalikes.EDITS.items():
        (folder / f"{name}.c").write_text(edits.apply(writable, changes))
    (folder / "Makefile").write_text("".join(f"obj-m += {name}.o\n" for name in (*MODULES, *LOOKALIKES)))
    run("make", "-C", str(kernel.build), f"M={folder}", "modules")
    for name in (*MODULES, *LOOKALIKES):
        if not (folder / f"{name}.ko").is_file():
            raise BuildError(f"make succeeded without making {name}.ko")
    stamp.write_text(made_from)
    return folder


def _made_from(kernel: Kernel) -> str:
    source = kernel.source.stat()
    files = (edits.__file__, lookalikes.__file__, __file__)
    ours = hashlib.sha256(b"".join(Path(each).read_bytes() for each in files)).hexdigest()
    return f"{kernel.version} {source.st_size} {source.st_mtime_ns} {ours}\n"


def unpack(kernel: Kernel, folder: Path, part: str, names: tuple[str, ...]) -> None:
    """Unpack only these files of the folder ``part``; tar stops reading the archive of 150 MB when it has them."""
    top = kernel.source.name.removesuffix(".tar.xz")
    members = [f"{top}/{part}/{name}" for name in names]
    strip = f"--strip-components={len(Path(part).parts) + 1}"
    run("tar", "-xJf", str(kernel.source), "-C", str(folder), strip, "--occurrence=1", *members)


def run(*command: str) -> None:
    """Run a tool to its end. Raises BuildError with its last output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{command[0]} failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-2000:]}")
