"""The dialog that tells an error while the window shows something else."""

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMessageBox, QWidget

from app.errors import MdevviewError
from app.text.clean import clean_line
from ui.window.widgets.menu_words import page_words, sentence

# A longer message would not fit on the screen.
_LONGEST = 1000


def warn(parent: QWidget, error: MdevviewError) -> None:
    """Show the error until the user closes the dialog."""
    told = sentence(page_words(clean_line(error.message, _LONGEST)))
    remedy = sentence(page_words(clean_line(error.remedy, _LONGEST)))
    warning = QMessageBox(QMessageBox.Icon.Warning, "mdevview", f"{told}\n\n{remedy}".strip())
    # It may contain the name of a process, and Qt would interpret markup in it.
    warning.setTextFormat(Qt.TextFormat.PlainText)
    warning.setParent(parent, warning.windowFlags())
    warning.exec()
    # The window would keep every dialog that it ever showed.
    warning.deleteLater()
