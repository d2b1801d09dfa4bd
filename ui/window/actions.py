"""The actions of the window: one table for the menus, the shortcuts and the list of keys.

Shortcuts follow QEMU's: Ctrl+Alt and a letter. All other keys are free for the guest.
"""

from dataclasses import dataclass
from enum import Enum


class Menu(Enum):
    """The menus, in their order."""

    MACHINE = "&Machine"
    VIEW = "&View"
    INPUT = "&Input"
    SEND = "&Send"
    HELP = "&Help"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """``group`` makes actions exclude each other; ``separated`` puts a line before this one.

    ``for_guest`` actions are enabled only while input goes to the guest. ``sends`` are the ``QKeyCode`` names of the
    keys that the action sends.
    """

    key: str
    menu: Menu
    text: str
    shortcuts: tuple[str, ...] = ()
    checkable: bool = False
    group: str = ""
    separated: bool = False
    for_guest: bool = False
    sends: tuple[str, ...] = ()


def _sends(text: str, *names: str, separated: bool = False) -> ActionSpec:
    key = "send-" + "-".join(names)
    return ActionSpec(key, Menu.SEND, text, separated=separated, for_guest=True, sends=names)


# Keys that the desktop, the X server or the kernel of this machine may take for itself.
_SENT = (
    _sends("Ctrl+Alt+&Del", "ctrl", "alt", "delete"),
    _sends("Ctrl+Alt+&Backspace", "ctrl", "alt", "backspace"),
    *(_sends(f"Ctrl+Alt+F{n}", "ctrl", "alt", f"f{n}", separated=n == 1) for n in range(1, 13)),
    _sends("&Super", "meta_l", separated=True),
    _sends("Alt+&Tab", "alt", "tab"),
    _sends("Alt+F4", "alt", "f4"),
    _sends("&Print Screen", "print", separated=True),
    _sends("S&croll Lock", "scroll_lock"),
    _sends("Pa&use", "pause"),
)

ACTIONS = (
    ActionSpec("screenshot", Menu.MACHINE, "Save &screenshot", ("Ctrl+Alt+S",)),
    ActionSpec("copy", Menu.MACHINE, "&Copy picture", ("Ctrl+Alt+C",)),
    ActionSpec("choose", Menu.MACHINE, "Choose &device…", ("Ctrl+Alt+D",), separated=True),
    ActionSpec("quit", Menu.MACHINE, "&Quit", ("Ctrl+Alt+Q",), separated=True),
    ActionSpec("fullscreen", Menu.VIEW, "&Fullscreen", ("Ctrl+Alt+F", "F11"), checkable=True),
    ActionSpec("fit", Menu.VIEW, "Scale to f&it", ("Ctrl+Alt+0",), True, "scaling", separated=True),
    ActionSpec("integer", Menu.VIEW, "Scale by &whole numbers", ("Ctrl+Alt+2",), True, "scaling"),
    ActionSpec("actual", Menu.VIEW, "&Actual size", ("Ctrl+Alt+1",), True, "scaling"),
    ActionSpec("smooth", Menu.VIEW, "S&mooth scaling", ("Ctrl+Alt+L",), True),
    ActionSpec("rotate-0", Menu.VIEW, "&Upright", (), True, "rotation", separated=True),
    ActionSpec("rotate-90", Menu.VIEW, "Turned to the &right", (), True, "rotation"),
    ActionSpec("rotate-180", Menu.VIEW, "Upside &down", (), True, "rotation"),
    ActionSpec("rotate-270", Menu.VIEW, "Turned to the l&eft", (), True, "rotation"),
    ActionSpec("flip-x", Menu.VIEW, "Flip &horizontally", (), True, separated=True),
    ActionSpec("flip-y", Menu.VIEW, "Flip &vertically", (), True),
    ActionSpec("cursor-outline", Menu.VIEW, "Cursor &outline", ("Ctrl+Alt+O",), True),
    ActionSpec("straight-alpha", Menu.VIEW, "Cursor has s&traight alpha", (), True),
    ActionSpec("bt709", Menu.VIEW, "&YUV planes are BT.709", (), True),
    ActionSpec("menu-bar", Menu.VIEW, "Menu &bar", ("Ctrl+Alt+M",), True, separated=True),
    ActionSpec("status-line", Menu.VIEW, "Status &line", ("Ctrl+Alt+B",), True),
    ActionSpec("grab", Menu.INPUT, "&Grab keyboard and pointer", ("Ctrl+Alt+G",), True, for_guest=True),
    ActionSpec("paste", Menu.INPUT, "&Paste as typing", ("Ctrl+Alt+V",), for_guest=True),
    ActionSpec("pointer-auto", Menu.INPUT, "Show host pointer where the guest has &none", (), True, "pointer", True),
    ActionSpec("pointer-shown", Menu.INPUT, "Show host pointer &always", (), True, "pointer"),
    ActionSpec("pointer-hidden", Menu.INPUT, "Show host pointer n&ever", (), True, "pointer"),
    *_SENT,
    ActionSpec("keys", Menu.HELP, "&Keys", ("Ctrl+Alt+H", "F1")),
    ActionSpec("about", Menu.HELP, "&About mdevview"),
)


def key_list() -> tuple[tuple[str, str], ...]:
    """Every action that has a key, as (keys, what it does)."""
    return tuple(
        (" or ".join(each.shortcuts), each.text.replace("&", "").rstrip("…")) for each in ACTIONS if each.shortcuts
    )
