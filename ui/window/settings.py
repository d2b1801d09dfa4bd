"""What the window remembers between two runs, in the XDG configuration directory."""

from pathlib import Path

from PyQt6.QtCore import QByteArray, QSettings, QStandardPaths
from PyQt6.QtWidgets import QMainWindow


def _settings() -> QSettings:
    base = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return QSettings(str(Path(base) / "mdevview" / "window.ini"), QSettings.Format.IniFormat)


def restore_geometry(window: QMainWindow) -> bool:
    """Give the window its last size and, where the desktop allows it, place. False when there is none."""
    saved = _settings().value("geometry")
    return isinstance(saved, QByteArray) and window.restoreGeometry(saved)


def save_geometry(window: QMainWindow) -> None:
    """Remember size and place."""
    settings = _settings()
    settings.setValue("geometry", window.saveGeometry())
    settings.sync()
