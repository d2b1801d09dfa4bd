"""What the window remembers between two runs, in the XDG configuration directory."""

from pathlib import Path

from PyQt6.QtCore import QByteArray, QSettings, QStandardPaths
from PyQt6.QtWidgets import QMainWindow

from app.planes.placement import Scaling
from ui.window.options import ViewOptions


def _settings() -> QSettings:
    base = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return QSettings(str(Path(base) / "mdevview" / "window.ini"), QSettings.Format.IniFormat)


def restore_geometry(window: QMainWindow) -> bool:
    """Restore the window's last size and, where the desktop allows it, position. False when none was saved."""
    saved = _value(_settings(), "geometry")
    return isinstance(saved, QByteArray) and window.restoreGeometry(saved)


def save_geometry(window: QMainWindow) -> None:
    """Save size and position."""
    settings = _settings()
    settings.setValue("geometry", window.saveGeometry())
    settings.sync()


def view_options() -> ViewOptions:
    """Scaling and smoothing as they were last time. The other options depend on the guest and are not saved."""
    settings = _settings()
    known = {each.value: each for each in Scaling}
    scaling = known.get(str(_value(settings, "scaling")), Scaling.FIT)
    return ViewOptions(scaling=scaling, smooth=_value(settings, "filter") != "nearest")


def _value(settings: QSettings, key: str) -> object:
    """The value in the file; None without one, or where PyQt cannot read it."""
    try:
        value: object = settings.value(key)
    except TypeError:
        return None
    return value


def save_view_options(options: ViewOptions) -> None:
    """Save scaling and smoothing."""
    settings = _settings()
    settings.setValue("scaling", options.scaling.value)
    settings.setValue("filter", "linear" if options.smooth else "nearest")
