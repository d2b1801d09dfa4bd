"""Whether the guest's picture changes, and how often, in a few words. Pure."""

from app.measure.record.picture_rates import Rates


def cursor_text(rates: Rates) -> str:
    """How many pictures of the last second showed nothing new but the cursor; empty if there were none."""
    if not rates.cursor_moves:
        return ""
    return f"{rates.cursor_moves} cursor move{'s' * (rates.cursor_moves != 1)}/s"


def activity_text(rates: Rates) -> str:
    """The figure of the status line: "60 fps", "5 fps, 55 cursor moves/s"; empty if nothing was new."""
    if rates == Rates():
        return ""
    return ", ".join(each for each in (f"{rates.frames} fps", cursor_text(rates)) if each)
