"""The icon of the windows."""

from pathlib import Path

from PyQt6.QtGui import QIcon

APPLICATION_ID = "io.github.mdevview.mdevview"
_HERE = Path(__file__).resolve().parent
# As installed from a wheel, and in a checkout.
_FILES = (_HERE / "mdevview.svg", _HERE.parents[1] / f"packaging/desktop/{APPLICATION_ID}.svg")


def window_icon() -> QIcon:
    """The icon of the desktop's theme, else the program's own. Without Qt's plugin for SVG it is a null icon."""
    icon = QIcon.fromTheme(APPLICATION_ID)
    if not icon.isNull():
        return icon
    return next((QIcon(str(each)) for each in _FILES if each.is_file()), QIcon())
