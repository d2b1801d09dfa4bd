"""The TARGETs that a shell offers while one is typed. Opens no device."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from app.host.dbus_display import DbusDisplay
from app.host.screens import HostScreens
from app.sim.config.spec_words import CHOICES, KEYS, ONLY, PROFILES

# Shells expand what is offered, and any user may choose the name of a VM or of a file.
_PLAIN = re.compile(r"[A-Za-z0-9/~][A-Za-z0-9/~:._+-]*")
# What names a console, or a connector of a Xen guest.
_OPTIONS = re.compile(r"(?:,(?:console|device|connector)=[0-9]+)+\Z")
_SIMULATED = "sim:"
_REPLAY = "replay:"
_RECORDING = ".mcap"


def host_targets(screens: HostScreens) -> list[str]:
    """The vGPUs, the VMs by number and by name, the Xen guests.

    A VM with a vGPU and a D-Bus display has one with a console, too.

    A name with any other than plain characters is left out.
    """
    vms = [each for vgpu in screens.vgpus for each in (*vgpu.holders, *vgpu.claims)]
    names = [each.name for each in screens.vgpus]
    names += [f"vm:{each}" for vm in vms for each in (vm.vm_id, vm.vm_name) if each]
    names += [each for display in screens.displays for each in _display_targets(display, screens)]
    names += [each.target for each in screens.guests]
    return [each for each in dict.fromkeys(names) if _PLAIN.fullmatch(_OPTIONS.sub("", each))]


def _display_targets(display: DbusDisplay, screens: HostScreens) -> tuple[str, ...]:
    number = (f"vm:{display.vm.id}",) if display.vm.id else ()
    return (*number, screens.target_of(display))


def targets(start: str, screens: Callable[[], HostScreens]) -> list[str]:
    """What can follow ``start`` as a TARGET, each whole; one that ends with ``:``, ``=`` or ``/`` goes on.

    ``screens`` scans the host. It is not called for a simulated device or a recording.
    """
    if start.startswith(_SIMULATED):
        return [each for each in _simulated(start.removeprefix(_SIMULATED)) if each.startswith(start)]
    if start.startswith(_REPLAY):
        return [f"{_REPLAY}{each}" for each in _recordings(start.removeprefix(_REPLAY))]
    found = screens()
    names = host_targets(found)
    if start.startswith("pid:"):
        names += [f"pid:{vm.pid}" for vgpu in found.vgpus for vm in (*vgpu.holders, *vgpu.claims)]
        names += [f"pid:{each.vm.pid}" for each in found.displays]
    names += [*(f"{_SIMULATED}{each}" for each in PROFILES), _REPLAY]
    # The case of a UUID does not matter.
    return [each for each in dict.fromkeys(names) if each.startswith((start, start.lower()))]


def _simulated(spec: str) -> Iterator[str]:
    """``spec`` is the text after ``sim:``, of which the last word is not complete."""
    done, comma, word = spec.rpartition(",")
    if not comma:
        yield from (f"{_SIMULATED}{each}" for each in PROFILES)
        return
    profile, *before = done.split(",")
    given = {each.partition("=")[0] for each in before}
    key, equals, value = word.partition("=")
    if not equals:
        keys = [each for each in KEYS if each not in given and ONLY.get(each, profile) == profile]
        yield from (f"{_SIMULATED}{done},{each}=" for each in keys)
        return
    # Several faults are joined by "+".
    joined, plus, _ = value.rpartition("+")
    yield from (f"{_SIMULATED}{done},{key}={joined}{plus}{each}" for each in _values(key))


def _values(key: str) -> tuple[str, ...]:
    match key:
        case "format":
            from app.formats.fourcc import fourcc_text, known_formats  # noqa: PLC0415  (few completions need it)

            return tuple(fourcc_text(each.fourcc) for each in known_formats())
        case "fault":
            from app.sim.config.fault import FAULT_NAMES  # noqa: PLC0415

            return FAULT_NAMES
    return CHOICES.get(key, ())


def _recordings(start: str) -> Iterator[str]:
    """The recordings and folders whose path begins with ``start``, which may have ``~`` for the home folder."""
    folder, slash, beginning = start.rpartition("/")
    try:
        entries = sorted(Path(folder + slash or ".").expanduser().iterdir())
    except (OSError, RuntimeError, ValueError):
        return
    for each in entries:
        name = each.name
        if not name.startswith(beginning) or (name.startswith(".") and not beginning):
            continue
        path = f"{folder}{slash}{name}"
        if _PLAIN.fullmatch(path) and each.is_dir():
            yield path + "/"
        elif _PLAIN.fullmatch(path) and name.endswith(_RECORDING):
            yield path
