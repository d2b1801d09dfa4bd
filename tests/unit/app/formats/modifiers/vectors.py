"""Modifiers with the names that other programs give them, from a file beside this one."""

from pathlib import Path


def vectors(name: str) -> dict[int, str]:
    """The lines of a file: a modifier in hexadecimal and, after the blank, its name."""
    lines = Path(__file__).with_name(name).read_text().splitlines()
    pairs = [line.split(" ", 1) for line in lines if not line.startswith("#")]
    return {int(modifier, 16): text for modifier, text in pairs}
