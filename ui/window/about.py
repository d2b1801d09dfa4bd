"""The message about the program: what it is, and the versions that a report of a problem needs."""

import platform

from PyQt6.QtCore import PYQT_VERSION_STR, Qt, qVersion
from PyQt6.QtGui import QGuiApplication, QIcon
from PyQt6.QtWidgets import QMessageBox, QPushButton, QWidget

from app import __version__
from app.text.clean import clean_line
from gl.renderer import Renderer

HOME_PAGE = "https://github.com/mdevview/mdevview"
_LICENCE = "https://www.gnu.org/licenses/gpl-3.0.html"
_ICON_NAME = "io.github.mdevview.mdevview"
_ICON_SIZE = 64


def versions(renderer: Renderer | None) -> tuple[tuple[str, str], ...]:
    """Names and versions of what draws the window. Without a ``renderer`` nothing was drawn yet."""
    opengl = "not in use yet"
    if renderer is not None:
        context = renderer.context
        opengl = f"{clean_line(context.renderer)} ({clean_line(context.version)})"
    return (
        ("mdevview", __version__),
        ("Python", platform.python_version()),
        ("Qt", f"{qVersion()}, {QGuiApplication.platformName()}"),
        ("PyQt", PYQT_VERSION_STR),
        ("OpenGL", opengl),
    )


def show_about(parent: QWidget, renderer: Renderer | None) -> None:
    """Show what the program is, with a button that copies the versions."""
    found = versions(renderer)
    box = QMessageBox(QMessageBox.Icon.NoIcon, "About mdevview", "", QMessageBox.StandardButton.Close, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    icon = QGuiApplication.windowIcon()
    box.setIconPixmap((icon if not icon.isNull() else QIcon.fromTheme(_ICON_NAME)).pixmap(_ICON_SIZE, _ICON_SIZE))
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(
        f"<h3>mdevview {__version__}</h3><p>Shows the screen of a VM whose GPU is a VFIO mediated device, "
        f"and says why it is black.</p><p><a href='{HOME_PAGE}'>{HOME_PAGE}</a></p>"
    )
    rows = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{_html(text)}</td></tr>" for name, text in found[1:])
    box.setInformativeText(
        f"<table>{rows}</table><p>Free software: <a href='{_LICENCE}'>GNU General Public License</a>, "
        "version 3 or later. It comes with no warranty.</p>"
    )
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    copy = box.addButton("&Copy versions", QMessageBox.ButtonRole.ActionRole)
    if isinstance(copy, QPushButton):
        # Not one that closes the box: the user sees that it was pressed.
        copy.clicked.disconnect()
        copy.clicked.connect(lambda: _copy(found, copy))
    box.open()


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _copy(found: tuple[tuple[str, str], ...], button: QPushButton) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText("\n".join(f"{name} {text}" for name, text in found))
        button.setText("Copied")
