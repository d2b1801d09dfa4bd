"""Tool tips of words that come from a VM, or from whoever named it."""

import html


def plain_tool_tip(text: str) -> str:
    """``text`` such that it is shown as it is.

    Qt takes what looks like markup for markup, and reads the files that it names: a VM called ``<img src=/a/fifo>``
    would hold up the window for ever.
    """
    return f"<p>{html.escape(text)}</p>" if "<" in text else text
