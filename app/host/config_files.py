"""Reads the configuration files that a VM's command line names (``-readconfig``), where this user may.

QEMU read them when it started. A file that changed since then says nothing certain, so it counts as unread. The files
are looked up where the VM sees them: in its root folder and its working directory.
"""

import time
from dataclasses import replace

from app.host.foreign_path import LIMIT_S, read_file
from app.host.paths import HOST, Paths
from app.host.process import age_s_of, start_time
from app.host.vm import Vm
from app.qemu.command_line import config_names
from app.qemu.folder_options import changes_root, leaves_folder
from app.text.clean import clean

# Proxmox VE's are shorter than 4 KiB each, and a VM has one or two.
_MOST_BYTES = 1 << 16
_MOST_FILES = 8


def with_configs(vm: Vm, paths: Paths = HOST) -> Vm:
    """The VM with the texts of its configuration files, and with the name that one of them gives it.

    It takes LIMIT_S seconds at most, whatever the files are.
    """
    names = list(dict.fromkeys(config_names(vm.arguments)))[:_MOST_FILES]
    if not names:
        return vm
    started_s = _start_s(vm.pid, paths)
    until = time.monotonic() + LIMIT_S
    texts = {}
    for name in names:
        text = _text(vm, name, started_s, until, paths)
        if text is not None:
            texts[name] = text
    read = replace(vm, configs=texts)
    configured = read.command_line().name
    return replace(read, name=vm.name or (clean(configured) if configured else None))


def _text(vm: Vm, name: str, started_s: float | None, until: float, paths: Paths) -> str | None:
    """The text of a file as it was when the VM started; None if that is not known."""
    line, is_full = vm.command_line(), name.startswith("/")
    if changes_root(line) if is_full else leaves_folder(line):
        # What has that name in the new folder is another file.
        return None
    if started_s is None:
        return None
    place = f"{paths.proc}/{vm.pid}/root{name}" if is_full else f"{paths.proc}/{vm.pid}/cwd/{name}"
    try:
        found = read_file(place, vm.pid, _MOST_BYTES, paths, until)
    except OSError:
        return None
    return found.data.decode("utf-8", "replace") if found.changed_ns < started_s * 1e9 else None


def _start_s(pid: int, paths: Paths) -> float | None:
    """When a process started, in seconds of the system's clock; None if that is not known."""
    try:
        age_s = age_s_of(start_time(pid, paths), paths)
    except (OSError, ValueError, IndexError):
        return None
    return time.time() - age_s if age_s is not None else None
