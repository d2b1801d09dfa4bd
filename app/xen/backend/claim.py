"""Which process serves a device: a text in the device's nodes that says whether that process still runs."""

import os
from pathlib import Path

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
    return not has_ended(int(pid), int(started)) or _is_hidden(int(pid))


def _is_hidden(pid: int) -> bool:
    """Whether a process of another user has this pid, and /proc does not show it (``hidepid=2`` of proc(5))."""
    if Path(f"/proc/{pid}").exists():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        pass
    return False


def _is_number(text: str) -> bool:
    return 0 < len(text) < 20 and text.isascii() and text.isdigit()
