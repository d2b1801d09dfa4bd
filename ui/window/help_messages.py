"""The messages of the Help menu."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from app import __version__


def show_about(parent: QWidget) -> None:
    """Show what the program is."""
    _show(
        parent,
        "About mdevview",
        f"<p><b>mdevview {__version__}</b></p><p>Shows the screen of a VM whose GPU is a VFIO mediated device, "
        "and says why it is black.</p><p>GPL-3.0-or-later</p>",
    )


def _show(parent: QWidget, title: str, text: str) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
