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


def text_of(file: Path) -> str | None:
    """The text of a file in these file systems, without the newline; None if it cannot be read."""
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return None
