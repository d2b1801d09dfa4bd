"""Whether the guest's picture changes, and how often, in a few words. Pure."""

import errno

from app.diagnosis.picture.host_facts import RunState
from app.measure.record.picture_rates import Rates
from app.planes.status import Status

# A person who reads, or thinks, does not move for some seconds.
_LEAST_S = 5
_MINUTE_S = 60
_HOUR_S = 3600


def cursor_text(rates: Rates) -> str:
    """How many pictures of the last second showed nothing new but the cursor; empty if there were none."""
    if not rates.cursor_moves:
        return ""
    return f"{rates.cursor_moves} cursor move{'s' * (rates.cursor_moves != 1)}/s"


def activity_text(rates: Rates, unchanged_s: float | None = None, run_state: RunState | None = None) -> str:
    """The figure of the status line: "60 fps", "5 fps, 55 cursor moves/s", "unchanged for 10 s, VM paused".

    Empty if nothing was new for a moment, or if it is not known how long. ``unchanged_s`` is in seconds.
    """
    if rates != Rates():
        return ", ".join(each for each in (f"{rates.frames} fps", cursor_text(rates)) if each)
    if unchanged_s is None or unchanged_s < _LEAST_S:
        return ""
    stopped = f", VM {run_state.value.replace('-', ' ')}" if run_state not in (None, RunState.RUNNING) else ""
    return f"unchanged for {duration_text(unchanged_s)}{stopped}"


def duration_text(seconds: float) -> str:
    """A time in steps that grow with it, so that a line that shows it is seldom painted anew. Rounded down."""
    if seconds < _MINUTE_S:
        return f"{int(seconds) // _LEAST_S * _LEAST_S} s"
    if seconds < _HOUR_S:
        return f"{int(seconds) // _MINUTE_S} min"
    return f"{int(seconds) // _HOUR_S} h"


def errno_text(status: Status) -> str:
    """The name of the error of the call that failed, in brackets; empty if none failed."""
    return f" ({errno.errorcode.get(status.errno, str(status.errno))})" if status.errno is not None else ""
