"""Checks an installed mdevview as a user runs it. Run this with the interpreter that mdevview was installed for.

Run it in an empty environment and from a directory outside the checkout, so that only the wheel is found.
"""

import json
import struct
import subprocess
import sys
from importlib.metadata import files, version
from pathlib import Path
from tempfile import TemporaryDirectory

PROGRAM = Path(sys.executable).parent / "mdevview"


def run(*arguments: str, status: int = 0) -> str:
    """What the program prints. Raises AssertionError if it ends with another status."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, f"mdevview {' '.join(arguments)}: status {done.returncode}: {done.stderr}"
    return done.stderr if status else done.stdout


def check_files() -> None:
    """site-packages has one package and its metadata; programs and data are where a desktop looks for them."""
    paths = [str(path) for path in files("mdevview") or []]
    outside = [path.lstrip("./") for path in paths if path.startswith("..")]
    tops = {path.split("/")[0] for path in paths if not path.startswith("..")}
    metadata = f"mdevview-{version('mdevview')}.dist-info"
    assert tops == {"mdevview", metadata}, f"top level of site-packages: {tops}"
    assert "bin/mdevview" in outside, outside
    assert "share/man/man1/mdevview.1" in outside, outside
    for name in ("applications/{}.desktop", "icons/hicolor/scalable/apps/{}.svg", "metainfo/{}.metainfo.xml"):
        assert f"share/{name.format('io.github.mdevview.mdevview')}" in outside, outside


def check_screenshot() -> None:
    """A screenshot of the simulated device has the right size."""
    with TemporaryDirectory() as folder:
        picture = Path(folder) / "x.png"
        run("screenshot", "sim:gvt,size=640x480", "-o", str(picture))
        head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", head
    assert struct.unpack(">II", head[16:24]) == (640, 480), head


def check_display() -> None:
    """Everything that a VM's D-Bus display needs is there: only the bus is missing."""
    with TemporaryDirectory() as folder:
        told = run("screenshot", f"dbus:unix:path={folder}/bus", "-o", f"{folder}/x.png", status=3)
    assert told.startswith("mdevview: there is no bus"), told


def main() -> None:
    """Run every check. Raises AssertionError at the first failure."""
    check_files()
    assert version("mdevview") in run("--version")
    assert json.loads(run("list", "--json"))["version"] == 1
    check_screenshot()
    check_display()
    print(f"the wheel of mdevview {version('mdevview')} works")  # noqa: T201


if __name__ == "__main__":
    main()
