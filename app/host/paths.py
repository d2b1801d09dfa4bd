"""Where the kernel's file systems are: the real places, or a copy that a test laid out."""

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
    """What a file of one of these file systems says, without the newline; None when it cannot be read."""
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return None
