"""The list of keys of the Help menu."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from ui.window.actions.actions import key_list


def show_keys(parent: QWidget) -> None:
    """Show every key of the window."""
    rows = "".join(f"<tr><td><b>{keys}</b>&nbsp;&nbsp;</td><td>{text}</td></tr>" for keys, text in key_list())
    _show(
        parent,
        "Keys",
        f"<table>{rows}</table><p>While input goes to the guest, only the keys with Ctrl+Alt are the window's.</p>",
    )


def _show(parent: QWidget, title: str, text: str) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
