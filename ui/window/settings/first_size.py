"""The size with which a dialog or a window is shown first."""

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import QWidget

# Of the screen without the desktop's panels. The rest is for the frame of the window, which is not known yet.
_SHARE = 0.9


def resize_within_screen(window: QWidget, wanted: QSize) -> None:
    """Resize a window that is not shown yet, so that all its buttons are on the screen, also a small or scaled one."""
    screen = window.screen()
    window.resize(wanted if screen is None else wanted.boundedTo(screen.availableSize() * _SHARE))
