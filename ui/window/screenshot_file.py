"""The file of a screenshot that is taken in the window."""

import os
import re
from datetime import datetime
from pathlib import Path

from PyQt6.QtCore import QDir, QStandardPaths

from ui import private_file

_ROOTS_HOME = Path("/root")


def pictures_directory() -> Path:
    """The user's pictures directory (XDG), or the home directory when there is none.

    For root with the environment of a user it is root's own home: no file of root belongs into a user's folder.
    """
    pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    # Qt's home and not Path.home(), which raises for a user without a home.
    home = Path(QDir.homePath())
    path = Path(pictures) if pictures else home
    path = path if path.is_dir() else home
    return _ROOTS_HOME if os.geteuid() == 0 and path.stat().st_uid != 0 else path


def save_new(directory: Path, source: str, when: datetime, png: bytes) -> Path:
    """Write ``png`` to a new file, and return its path. Raises OSError."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", source).strip("-.") or "screen"
    stem = f"mdevview-{safe[:60]}-{when:%Y%m%d-%H%M%S}"
    for number in range(1, 1000):
        path = directory / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        try:
            private_file.create(path, png)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"{stem}.png and 998 others exist in {directory}")
