"""The paths of the kernel's file systems: the real ones, or those of a test."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    proc: Path = Path("/proc")
    modules: Path = Path("/lib/modules")
    boot: Path = Path("/boot")


HOST = Paths()
# An attribute in sysfs is at most a page long.
_MAX_TEXT = 1 << 16


def text_of(file: Path) -> str | None:
    """The first 64 KiB of a file in these file systems as text, without the newline; None if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_TEXT).decode("utf-8", "replace").strip()
    except OSError:
        return None


def names_in(folder: Path) -> list[str]:
    """The names in a folder of these file systems, sorted; none if it cannot be read."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def number_of(text: str | None) -> int | None:
    """The decimal number that a file of these file systems has; None for other texts, also of more than 18 digits.

    A kernel's number has no more. Python takes the digits of all scripts, and raises ValueError for thousands of them.
    """
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 18 else None
