"""Tool tips of words that come from a VM, or from whoever named it."""

import html

from PyQt6.QtCore import Qt


def plain_tool_tip(text: str) -> str:
    """``text`` such that it is shown as it is.

    Qt takes what looks like markup for markup, and reads the files that it names: a VM called ``<img src=/a/fifo>``
    would hold up the window for ever.
    """
    return f"<p>{html.escape(text)}</p>" if Qt.mightBeRichText(text) else text
