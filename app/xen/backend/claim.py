"""Which process serves a device: a text in the device's nodes that says whether that process still runs."""

import os

from app.host.process import has_ended, start_time

CLAIM_NODE = "mdevview"


def own_claim() -> str:
    """The text for this process. Raises OSError if /proc cannot be read."""
    return f"{os.getpid()} {start_time(os.getpid())}"


def is_claimed(text: str) -> bool:
    """Whether the process that wrote this runs. False for texts that no process wrote."""
    pid, _, started = text.partition(" ")
    if not (_is_number(pid) and _is_number(started)):
        return False
    return not has_ended(int(pid), int(started))


def _is_number(text: str) -> bool:
    return 0 < len(text) < 20 and text.isascii() and text.isdigit()
