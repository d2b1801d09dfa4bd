"""Reaps children that nobody could wait for, because they did not end in time."""

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess


def reap_ended(children: "list[subprocess.Popen[bytes]]") -> None:
    """Reap those that have ended by now, and remove them from the list. Other threads may do the same meanwhile."""
    for each in tuple(children):
        if each.poll() is not None:
            with suppress(ValueError):
                children.remove(each)
