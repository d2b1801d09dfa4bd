"""The process of a check of Qt: ``python -m ui.cli.qt_check_child PLATFORM PARENT``.

It loads the plugin of Qt's platform ("wayland", "xcb") with all libraries that it needs, but opens no display, and
prints Qt's version, the names of the plugins, and the error as JSON.
"""

import ctypes
import json
import sys
from pathlib import Path

from app.host.child_checks import answer_of_child, prepare_child


def main() -> None:
    """Check the plugin and end the process."""
    platform, parent = sys.argv[1:]
    answers = prepare_child(int(parent))
    document: dict[str, object] = {"qt": None, "pyqt": None, "plugins": [], "error": None}
    try:
        from PyQt6.QtCore import PYQT_VERSION_STR, QLibraryInfo, qVersion  # noqa: PLC0415

        folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms"
        document |= {
            "qt": qVersion(),
            "pyqt": PYQT_VERSION_STR,
            "plugins": sorted(each.stem.removeprefix("libq") for each in folder.glob("libq*.so")),
        }
        if platform:
            ctypes.CDLL(str(_plugin(folder, platform)))
    except (ImportError, OSError) as error:
        document["error"] = str(error)
    answer_of_child(answers, json.dumps(document))


def _plugin(folder: Path, platform: str) -> Path:
    """The file of a plugin. Some distributions have "wayland-generic" and "wayland-egl" instead of "wayland"."""
    for name in (f"libq{platform}.so", f"libq{platform}-generic.so", f"libq{platform}-egl.so"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"Qt has no plugin {platform} in {folder}")


if __name__ == "__main__":
    main()
