"""The paths of the kernel's file systems: the real ones, or those of a test."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")
    modules: Path = Path("/lib/modules")


HOST = Paths()
# An attribute of sysfs has at most one page.
_MAX_BYTES = 1 << 16


def text_of(file: Path) -> str | None:
    """The start of a file in these file systems, without the newline; None if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return None
