"""The state of a kernel module: loaded, built in, available or absent."""

import os
from enum import Enum
from pathlib import Path

from app.host.paths import HOST, Paths


class ModuleState(Enum):
    LOADED = "loaded"
    BUILT_IN = "built in"
    AVAILABLE = "not loaded"
    ABSENT = "not in this kernel"
    UNKNOWN = "unknown"


def module_state(module: str, paths: Paths = HOST, release: str = "") -> ModuleState:
    """Reads sysfs and depmod's lists of the kernel ``release`` (default: the running one)."""
    lists = paths.modules / (release or os.uname().release)
    if _named(module, lists / "modules.builtin"):
        return ModuleState.BUILT_IN
    if (paths.sys / "module" / module).is_dir():
        return ModuleState.LOADED
    if _named(module, lists / "modules.dep"):
        return ModuleState.AVAILABLE
    # A container often has no /lib/modules. Then a missing entry proves nothing.
    return ModuleState.ABSENT if (lists / "modules.dep").exists() else ModuleState.UNKNOWN


def _named(module: str, file: Path) -> bool:
    """Whether depmod's list has the module. File names have dashes or underscores, and may end in .gz, .xz or .zst."""
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return any(
                line.partition(":")[0].strip().rsplit("/", 1)[-1].partition(".")[0].replace("-", "_") == module
                for line in lines
            )
    except OSError:
        return False
