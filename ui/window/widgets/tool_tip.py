"""Tool tips whose text comes from a VM, for example its name."""

import html


def plain_tool_tip(text: str) -> str:
    """Escape ``text`` so that Qt shows it as it is.

    Otherwise Qt interprets markup, and reads the files that it names: a VM called ``<img src=/a/fifo>`` would block
    the window for ever.
    """
    return f"<p>{html.escape(text)}</p>" if "<" in text else text


def wrapped_tool_tip(text: str) -> str:
    """The same for a long text of several lines: Qt wraps the lines of markup only."""
    return "".join(f"<p>{html.escape(line)}</p>" for line in text.splitlines())
