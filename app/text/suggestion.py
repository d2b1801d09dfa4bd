"""What a mistyped word may have meant."""

from collections.abc import Sequence


def did_you_mean(typed: str, known: Sequence[str], after: str = "") -> str:
    """``"did you mean --wait? "``, or nothing where no known word is like the typed one; ``after`` is put after it."""
    # Few command lines have a mistake, and `list` counts each millisecond of imports.
    from difflib import get_close_matches  # noqa: PLC0415

    # One wrong letter of two is half of the word.
    least = 0.5 if len(typed) < 4 else 0.6
    near = get_close_matches(typed, known, 1, least) if typed else []
    return f"did you mean {near[0]}{after}? " if near else ""
