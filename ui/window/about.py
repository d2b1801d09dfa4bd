"""The message about the program: what it is, and the versions that a report of a problem needs."""

import html
import platform

from PyQt6.QtCore import PYQT_VERSION_STR, Qt, qVersion
from PyQt6.QtGui import QGuiApplication, QPalette
from PyQt6.QtWidgets import QMessageBox, QPushButton, QWidget

from app import __version__
from app.text.clean import clean_line
from gl.renderer import Renderer
from ui.window.icon import window_icon

HOME_PAGE = "https://github.com/mdevview/mdevview"
_LICENCE = "https://www.gnu.org/licenses/gpl-3.0.html"
_ICON_SIZE = 64
# Of 255.
_LEAST_CONTRAST = 90


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
    box.setIconPixmap(window_icon().pixmap(_ICON_SIZE, _ICON_SIZE))
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(
        f"<h3>mdevview {__version__}</h3><p>Shows the screen of a VM, from its vGPU (a VFIO mediated device) or "
        f"from QEMU's D-Bus display, and says why it is black.</p><p>{_link(HOME_PAGE, HOME_PAGE, box.palette())}</p>"
    )
    rows = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{html.escape(text)}</td></tr>" for name, text in found[1:])
    box.setInformativeText(
        f"<table>{rows}</table><p>Free software: {_link(_LICENCE, 'GNU General Public License', box.palette())}, "
        "version 3 or later. It comes with no warranty.</p>"
    )
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    copy = box.addButton("&Copy versions", QMessageBox.ButtonRole.ActionRole)
    if isinstance(copy, QPushButton):
        # Not one that closes the box: the user sees that it was pressed.
        copy.clicked.disconnect()
        copy.clicked.connect(lambda: _copy(found, copy))
    box.setDefaultButton(QMessageBox.StandardButton.Close)
    box.open()


def _link(url: str, text: str, palette: QPalette) -> str:
    """A link that can be read: the palette of a dark desktop may have the dark blue of a light one."""
    colour, behind = palette.color(QPalette.ColorRole.Link), palette.color(QPalette.ColorRole.Window)
    if abs(colour.lightness() - behind.lightness()) < _LEAST_CONTRAST:
        colour = palette.color(QPalette.ColorRole.WindowText)
    return f"<a href='{url}' style='color: {colour.name()}'>{text}</a>"


def _copy(found: tuple[tuple[str, str], ...], button: QPushButton) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText("\n".join(f"{name} {text}" for name, text in found))
        button.setText("Copied")
