"""The words of a tile of the overview: those of a window, shortened."""

import os
from dataclasses import dataclass

from app.host.dbus_display import DbusDisplay
from app.host.guest_screen import GuestScreen, guest_text
from app.host.screens import access_text, vm_text
from app.host.vgpu import Use, Vgpu
from app.host.wording import claims_text, holders_text, vm_words
from app.open.session import Session
from app.planes.frame import Frame
from app.planes.status import State, Status
from app.text.clean import LONGEST_LINE, clean
from ui.window.picture.picture_text import plane_text, status_heading

_UUID_START = 8
_MIDDLE_OF_PROXMOX = "-0000-0000-0000-"


@dataclass(frozen=True, slots=True)
class Words:
    """What a tile says instead of a picture: a heading, and a sentence, which may be empty."""

    heading: str
    hint: str = ""


OPENING = Words("Opening")
FREE = Words("Free", "No VM has it open.")
PERMISSION = Words("Permission needed", "Its VM belongs to another user. Click to ask for root's permission.")
_CLICK_TO_SHOW = "Click to show"
TAKES_INPUT = Words(_CLICK_TO_SHOW, "Another viewer of this VM would lose its keyboard and pointer.")
PLUGS_IN = Words(_CLICK_TO_SHOW, "The Xen guest gets its screen then.")
_CANNOT_BE_SHOWN = "Cannot be shown"
OF_ANOTHER_USER = Words(_CLICK_TO_SHOW, "Its VM belongs to another user.")
ASKING = Words("Asking for permission", "A dialog, or the terminal, asks for it.")

_DBUS_DISPLAY = "D-Bus display"
_XEN_DISPLAY = "Xen display"
PushedScreen = DbusDisplay | GuestScreen
_WHY_NOT_OPENED = "A free vGPU is not opened: a VM could not start with it then. Its screen appears when a VM has it."


def words_of_use(vgpu: Vgpu) -> Words:
    """Why a vGPU is not opened that no VM is seen to have."""
    return FREE if vgpu.use is Use.FREE else Words("Perhaps in use", "A process that cannot be seen may have it.")


def words_of_status(status: Status) -> Words:
    """The words of a window for this status, shortened to a heading and a sentence."""
    hint = status.hint or status.detail
    sentence = hint.partition(". ")[0].removesuffix(".")
    return Words(status_heading(status), clean(f"{sentence}." if sentence else "", LONGEST_LINE))


def can_be_shown(display: PushedScreen) -> bool:
    """Whether a click can show it."""
    return not (isinstance(display, GuestScreen) and display.why_not)


def words_until_click(display: PushedScreen) -> Words | None:
    """Why a D-Bus display or Xen guest is opened only after a click; None for one that is opened at once.

    In peer-to-peer mode QEMU has one client at a time and closes the connection of the one before
    (dbus_display_add_client() in ui/dbus.c), so another viewer would lose keyboard and pointer to a thumbnail. Nothing
    tells whether there is one. Any user may start a process that looks like a VM, and chooses its address.
    A Xen guest sees its screen plugged in while a viewer serves it.
    """
    if isinstance(display, GuestScreen):
        why_not = display.why_not
        return Words(_CANNOT_BE_SHOWN, f"{why_not[0].upper()}{why_not[1:]}.") if why_not else PLUGS_IN
    if display.vm.uid != os.getuid():
        return OF_ANOTHER_USER
    return TAKES_INPUT if display.p2p else None


def name_of_vm(display: PushedScreen) -> str:
    """The name of the tile of a D-Bus display: the VM's number and name if it has one, else its process."""
    if isinstance(display, GuestScreen):
        return clean(_name_of_guest(display), LONGEST_LINE)
    vm = display.vm
    return clean(vm_words(vm.name, vm.id) or f"{vm.process} {vm.pid}", LONGEST_LINE)


def _name_of_guest(screen: GuestScreen) -> str:
    name = screen.name or f"domain {screen.domid}"
    _, comma, options = screen.target.partition(f"xen:{name}")[2].partition(",")
    return f"{name} — {options.replace('=', ' ').replace(',', ', ')}" if comma else name


def title_of(vgpu: Vgpu | None, session: Session | None, label: str) -> str:
    """The name of a tile: the VM's number and name if it has one, else the start of the vGPU's UUID, else ``label``."""
    name = vm_words(session.vm.name, session.vm.id) if session is not None and session.vm is not None else ""
    if not name and vgpu is not None:
        names = (vm_words(each.vm_name, each.vm_id) for each in (*vgpu.holders, *vgpu.claims))
        name = next(filter(None, names), "")
    if not name and vgpu is not None and not vgpu.simulated:
        name = short_name(vgpu)
    return clean(name or label, LONGEST_LINE)


def short_name(vgpu: Vgpu) -> str:
    """The start of a UUID, by which a person can name the vGPU; another name as it is.

    Of a UUID that Proxmox VE made it is the end, as their starts are alike (:mod:`app.host.lookup`).
    """
    if vgpu.uuid is None:
        return vgpu.name
    return vgpu.name[-_UUID_START:] if _MIDDLE_OF_PROXMOX in vgpu.name else vgpu.name[:_UUID_START]


def caption_of(vgpu: Vgpu | None, title: str, heading: str, rate: int, display: PushedScreen | None = None) -> str:
    """The second line of a tile: which vGPU or that it is a D-Bus display, its state and its rate."""
    words = []
    if display is not None:
        words.append(_XEN_DISPLAY if isinstance(display, GuestScreen) else _DBUS_DISPLAY)
    elif vgpu is not None and vgpu.simulated:
        words.append("simulated")
    elif vgpu is not None and short_name(vgpu) != title:
        words.append(short_name(vgpu))
    words.append(heading)
    if rate:
        words.append(f"{rate} fps")
    return " · ".join(clean(each, LONGEST_LINE) for each in words)


def details_of(
    vgpu: Vgpu | None,
    status: Status | None,
    words: Words | None,
    frame: Frame | None,
    display: PushedScreen | None = None,
) -> str:
    """What the tool tip says: one fact in each line."""
    lines = []
    if isinstance(display, GuestScreen):
        lines += [guest_text(display), f"{_XEN_DISPLAY}: {display.target}"]
    elif display is not None:
        lines += [vm_text(display), f"{_DBUS_DISPLAY}: {access_text(display)}"]
    if vgpu is not None:
        kind = vgpu.type_name or vgpu.type_id or vgpu.driver or ""
        lines += [vgpu.name, f"{kind} on {vgpu.parent}" if vgpu.parent else kind]
        in_use = holders_text(vgpu.holders) or (f"perhaps {claims_text(vgpu.claims)}" if vgpu.claims else "")
        lines += [f"in use by {in_use}" if in_use else ""]
    if frame is not None and frame.primary is not None:
        lines.append(plane_text(frame.primary.plane))
    if status is not None and status.state is not State.SHOWING:
        lines += [status.hint, status.detail]
    elif words is FREE:
        lines.append(_WHY_NOT_OPENED)
    elif words is not None:
        lines.append(words.hint)
    return "\n".join(clean(each, LONGEST_LINE) for each in lines if each)
