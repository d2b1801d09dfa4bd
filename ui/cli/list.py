"""``mdevview list``: the screens of this host, as tables, as a list, or as JSON. Opens no device and asks no VM."""

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable

from app.host.dbus_display import DbusDisplay
from app.host.drivers import KnownDisplay, known_display
from app.host.guest_screen import GuestScreen, guest_text
from app.host.permissions import user_name
from app.host.scan import HostScan
from app.host.screens import HostScreens, access_text, vm_text
from app.host.vgpu import Holder, Use, Vgpu
from app.host.vgpu_document import list_document
from app.host.wording import holder_text, unseen_text, vm_words
from app.open.host_screens import find_screens
from ui.cli.output import printable, write_error, write_output
from ui.cli.target_words import host_targets, targets

_OFFERS = {
    KnownDisplay.DMABUF: "dma-buf",
    KnownDisplay.REGION: "region",
    KnownDisplay.NONE: "none",
    KnownDisplay.UNKNOWN: "unknown",
}
_INDENT = "    "
_SAYS_NOTHING = ("-", "driver -", "display: unknown")
# textwrap breaks lines at white space of ASCII only.
_NO_BREAK = "\u00a0"
_VGPU_HEADER = ("VGPU", "TYPE", "PARENT", "DRIVER", "NODE", "KNOWN TO OFFER", "USE")
_DISPLAY_HEADER = ("VM", "PID", "USER", "D-BUS DISPLAY", "TARGET")
_GUEST_HEADER = ("XEN GUEST", "DOMAIN", "TYPE", "SIZE", "STATE", "TARGET")
_NOTHING = (
    "no vGPU found, and no VM with -display dbus; `mdevview` shows a simulated vGPU, `mdevview doctor` says what this "
    "host lacks"
)


def run(args: argparse.Namespace) -> int:
    if isinstance(args.targets, str):
        found = targets(args.targets, lambda: find_screens(HostScan.take()))
        write_output("".join(f"{each}\n" for each in found), end="")
        return 0
    screens = find_screens(HostScan.take())
    if args.targets:
        write_output("\n".join(host_targets(screens)))
    elif args.json:
        write_output(json.dumps(list_document(screens), indent=2))
    elif not screens.are_none:
        # What reads a pipe gets a line for each screen.
        write_output(fitting(screens, shutil.get_terminal_size().columns) if sys.stdout.isatty() else table(screens))
    else:
        write_output(_NOTHING)
    if screens.guests_note and not args.targets and not args.json:
        write_error(f"mdevview: {screens.guests_note}")
    return 0


def fitting(screens: HostScreens, width: int) -> str:
    """The tables, or for a terminal that has fewer columns a few lines for each screen. No name is cut or broken."""
    parts = [
        _fitting(_vgpu_table(screens), width, (_vgpu_lines(each, width) for each in screens.vgpus)),
        _fitting(_display_table(screens), width, (_display_lines(each, screens, width) for each in screens.displays)),
        _fitting(_guest_table(screens), width, (_guest_lines(each, width) for each in screens.guests)),
    ]
    return "\n\n".join(filter(None, parts))


def table(screens: HostScreens) -> str:
    """Aligned columns, one line for each screen: a table of the vGPUs, one of the D-Bus displays, one of Xen guests."""
    return "\n\n".join(filter(None, (_vgpu_table(screens), _display_table(screens), _guest_table(screens))))


def _fitting(lines: str, width: int, narrow: Iterable[list[str]]) -> str:
    if not lines or max(map(len, lines.splitlines())) <= width:
        return lines
    return "\n".join(line for each in narrow for line in each)


def _vgpu_lines(vgpu: Vgpu, width: int) -> list[str]:
    name, kind, parent, driver, node, offers, use = _vgpu_row(vgpu)
    facts = [f"{kind} on {parent}" if vgpu.parent else kind, f"driver {driver}", node, f"display: {offers}"]
    return [name, *_wrapped(use, width, "  "), *_wrapped(_joined(facts), width)]


def _display_lines(display: DbusDisplay, screens: HostScreens, width: int) -> list[str]:
    *_, access, target = _display_row(display, screens)
    return [target, *_wrapped(printable(vm_text(display)), width, "  "), *_wrapped(f"D-Bus display: {access}", width)]


def _joined(facts: Iterable[str]) -> str:
    return ", ".join(each.replace(" ", _NO_BREAK) for each in facts if each not in _SAYS_NOTHING)


def _wrapped(text: str, width: int, hanging: str = "") -> list[str]:
    lines = textwrap.wrap(
        text,
        max(len(_INDENT) + 1, width),
        initial_indent=_INDENT,
        subsequent_indent=_INDENT + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [each.replace(_NO_BREAK, " ") for each in lines]


def _vgpu_table(screens: HostScreens) -> str:
    return _table(_VGPU_HEADER, [_vgpu_row(each) for each in screens.vgpus])


def _display_table(screens: HostScreens) -> str:
    return _table(_DISPLAY_HEADER, [_display_row(each, screens) for each in screens.displays])


def _guest_table(screens: HostScreens) -> str:
    return _table(_GUEST_HEADER, [_guest_row(each) for each in screens.guests])


def _guest_row(screen: GuestScreen) -> tuple[str, ...]:
    kind = screen.kind.upper() or "-"
    cells = (screen.name or "-", str(screen.domid), kind, screen.size_text, _guest_state(screen), screen.target)
    return tuple(map(printable, cells))


def _guest_lines(screen: GuestScreen, width: int) -> list[str]:
    facts = [guest_text(screen), screen.size_text, _guest_state(screen)]
    lines = [printable(screen.target), *_wrapped(_joined(map(printable, facts)), width)]
    return lines + (_wrapped(printable(screen.why_not), width, "  ") if screen.why_not else [])


def _guest_state(screen: GuestScreen) -> str:
    if screen.why_not:
        return "cannot be shown"
    return "has a viewer" if screen.served else "free"


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Empty if there are no rows."""
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    )


def _display_row(display: DbusDisplay, screens: HostScreens) -> tuple[str, ...]:
    vm = display.vm
    user = user_name(vm.uid) if vm.uid is not None else "-"
    cells = (vm_words(vm.name, vm.id) or "-", str(vm.pid), user, access_text(display), screens.target_of(display))
    return tuple(map(printable, cells))


def _vgpu_row(vgpu: Vgpu) -> tuple[str, ...]:
    kind = vgpu.type_id or "-"
    if vgpu.type_name and vgpu.type_name != vgpu.type_id:
        kind += f" ({vgpu.type_name})"
    nodes = [f"group {vgpu.iommu_group}"] if vgpu.iommu_group is not None else []
    nodes += [vgpu.cdev] if vgpu.cdev else []
    offers = _OFFERS[known_display(vgpu)]
    cells = (vgpu.name, kind, vgpu.parent or "-", vgpu.driver or "-", ", ".join(nodes) or "-", offers, _use(vgpu))
    return tuple(map(printable, cells))


def _use(vgpu: Vgpu) -> str:
    if vgpu.use is Use.UNKNOWN:
        return f"free, or in use by {unseen_text(vgpu.claims)}"
    return "in use by " + "; ".join(map(_holder, vgpu.holders)) if vgpu.holders else "free"


def _holder(holder: Holder) -> str:
    way = f" by {holder.way.value}" if holder.way is not None else ""
    return holder_text(holder) + way
