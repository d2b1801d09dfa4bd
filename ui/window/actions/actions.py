"""The actions of the window: one table for the menus, the keys, and the dialog that changes keys.

The keys here are the defaults; :mod:`ui.window.actions.shortcuts` knows the keys of now. They follow QEMU's: Ctrl+Alt
and a letter. None is a key that XFCE, GNOME or KDE take for themselves: a test has the list of those
(tests/unit/ui/window/actions/desktop_keys.py).
"""

from dataclasses import dataclass, replace
from enum import Enum

from app.formats.yuv import Matrix
from app.planes.placement import Rotation, Scaling
from gl.draw_options import View


class Menu(Enum):
    """The menus, in their order."""

    MACHINE = "&Machine"
    VIEW = "&View"
    INPUT = "&Input"
    SEND = "&Send"
    HELP = "&Help"


@dataclass(frozen=True, slots=True)
class OptionValue:
    """The field of :class:`ui.window.picture.view_options.ViewOptions` that a checkable action sets.

    It sets ``checked``, or ``unchecked`` where the action is off. An action of a group sets nothing when it is off.
    """

    field: str
    checked: object = True
    unchecked: object = False


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """``group`` makes actions exclude each other; ``separated`` puts a line before this one. ``submenu`` is the text of
    the menu within ``menu`` that has it, empty for none.

    ``option`` is what the action sets in the view options. ``for_guest`` actions are enabled only
    while input goes to the guest. ``sends`` are the ``QKeyCode`` names of the keys that the action sends.
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
    option: OptionValue | None = None
    submenu: str = ""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """An action that is in no menu. ``where`` says when it does something; empty for always."""

    key: str
    text: str
    shortcuts: tuple[str, ...]
    where: str = ""


def _choice(key: str, text: str, field: str, value: object, *keys: str, separated: bool = False) -> ActionSpec:
    """One of several values of a view option; the name of the field is that of the group."""
    option = OptionValue(field, value)
    return ActionSpec(key, Menu.VIEW, text, keys, checkable=True, group=field, separated=separated, option=option)


def _toggle(key: str, text: str, option: OptionValue, *keys: str, separated: bool = False) -> ActionSpec:
    return ActionSpec(key, Menu.VIEW, text, keys, checkable=True, separated=separated, option=option)


def _sends(text: str, *names: str, separated: bool = False) -> ActionSpec:
    key = "send-" + "-".join(names)
    return ActionSpec(key, Menu.SEND, text, separated=separated, for_guest=True, sends=names)


_TURN = "&Turn and flip"
_DRAW = "&Drawing"
_INSPECT = "Inspect pi&xels"


def _view(key: str, text: str, view: View, *keys: str, separated: bool = False) -> ActionSpec:
    return replace(_choice(key, text, "view", view, *keys, separated=separated), submenu=_INSPECT)


def _inspecting(key: str, text: str, field: str, *keys: str, separated: bool = False) -> ActionSpec:
    return replace(_toggle(key, text, OptionValue(field), *keys, separated=separated), submenu=_INSPECT)


ZOOMED_TEXT = "Other size"

# These are menus of their own, because the menu of the view would be longer than a small screen.
_TURNS = (
    replace(_choice("rotate-0", "&Upright", "rotation", Rotation.NONE), submenu=_TURN),
    replace(_choice("rotate-90", "Turned to the &right", "rotation", Rotation.RIGHT), submenu=_TURN),
    replace(_choice("rotate-180", "Upside &down", "rotation", Rotation.HALF), submenu=_TURN),
    replace(_choice("rotate-270", "Turned to the l&eft", "rotation", Rotation.LEFT), submenu=_TURN),
    replace(_toggle("flip-x", "Flip &horizontally", OptionValue("flip_x"), separated=True), submenu=_TURN),
    replace(_toggle("flip-y", "Flip &vertically", OptionValue("flip_y")), submenu=_TURN),
)
_BT709 = OptionValue("matrix", Matrix.BT709, Matrix.BT601)
_DRAWING = (
    replace(_toggle("cursor-outline", "Cursor &outline", OptionValue("cursor_outline"), "Ctrl+Alt+O"), submenu=_DRAW),
    replace(_toggle("straight-alpha", "Cursor has s&traight alpha", OptionValue("straight_alpha")), submenu=_DRAW),
    replace(_toggle("bt709", "&YUV planes are BT.709", _BT709), submenu=_DRAW),
    replace(_toggle("tear-free", "T&ear-free, by a copy of each picture", OptionValue("tear_free")), submenu=_DRAW),
)
# What inspects pixels. None of it is remembered for the next window.
_INSPECTION = (
    ActionSpec("loupe", Menu.VIEW, "&Loupe", ("Ctrl+Alt+X",), True, submenu=_INSPECT),
    _inspecting("checkerboard", "&Checkerboard behind transparent pixels", "checkerboard", "Ctrl+Alt+K"),
    _inspecting("pixel-grid", "&Grid over large pixels", "pixel_grid"),
    _view("view-normal", "&Normal picture", View.NORMAL, "Ctrl+Alt+N", separated=True),
    _view("view-red", "&Red channel", View.RED),
    _view("view-green", "Gr&een channel", View.GREEN),
    _view("view-blue", "&Blue channel", View.BLUE),
    _view("view-alpha", "&Alpha", View.ALPHA),
    _view("view-tiles", "Borders of &tiles", View.TILES),
    _view("view-difference", "&Difference to the frame before", View.DIFFERENCE),
)

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
    ActionSpec("choose", Menu.MACHINE, "Choose scree&n…", ("Ctrl+Alt+U",), separated=True),
    ActionSpec("retry", Menu.MACHINE, "Open a&gain"),
    ActionSpec("wait", Menu.MACHINE, "&Wait for the VM"),
    ActionSpec("copy-details", Menu.MACHINE, "Copy d&etails"),
    ActionSpec("power-down", Menu.MACHINE, "&Power down", separated=True),
    ActionSpec("pause", Menu.MACHINE, "P&ause"),
    ActionSpec("resume", Menu.MACHINE, "Res&ume"),
    ActionSpec("reset", Menu.MACHINE, "&Reset…"),
    ActionSpec("force-off", Menu.MACHINE, "&Force off…"),
    ActionSpec("quit", Menu.MACHINE, "&Quit", ("Ctrl+Alt+Q",), separated=True),
    ActionSpec("fullscreen", Menu.VIEW, "&Fullscreen", ("Ctrl+Alt+Return", "F11"), checkable=True),
    ActionSpec("fullscreen-bar", Menu.VIEW, "Bar of fullscreen", ("Ctrl+Alt+Z",)),
    _choice("fit", "Scale to f&it", "scaling", Scaling.FIT, "Ctrl+Alt+0", separated=True),
    _choice("integer", "Scale by &whole factors", "scaling", Scaling.INTEGER, "Ctrl+Alt+2"),
    _choice("actual", "&Actual size", "scaling", Scaling.ACTUAL, "Ctrl+Alt+1"),
    # Checked while the user has chosen another size than these three; its text tells which.
    ActionSpec("zoomed", Menu.VIEW, ZOOMED_TEXT, checkable=True, group="scaling"),
    ActionSpec("zoom-in", Menu.VIEW, "&Zoom in", ("Ctrl+Alt+=", "Ctrl+Alt++")),
    ActionSpec("zoom-out", Menu.VIEW, "Zoom o&ut", ("Ctrl+Alt+-",)),
    _toggle("smooth", "S&mooth scaling", OptionValue("smooth"), "Ctrl+Alt+Y"),
    *_TURNS,
    *_DRAWING,
    *_INSPECTION,
    ActionSpec("menu-bar", Menu.VIEW, "Menu &bar", (), True, separated=True),
    ActionSpec("status-line", Menu.VIEW, "Status &line", ("Ctrl+Alt+B",), True),
    ActionSpec("overlay", Menu.VIEW, "Frame times over the &picture", ("Ctrl+Alt+I",), True, separated=True),
    ActionSpec("latency-panel", Menu.VIEW, "Late&ncy panel", ("Ctrl+Alt+P",), True),
    ActionSpec("inspector", Menu.VIEW, "In&spector", ("Ctrl+Alt+E",), True),
    ActionSpec("explain", Menu.VIEW, "Explain this pi&cture", ("Ctrl+Alt+W",)),
    # Shown while another client has the controls of the VM.
    ActionSpec("retake", Menu.INPUT, "&Take the controls back"),
    ActionSpec("grab", Menu.INPUT, "&Grab keyboard and pointer", ("Ctrl+Alt+G",), True, for_guest=True),
    ActionSpec("release", Menu.INPUT, "&Release keyboard and pointer", ("Ctrl+Alt+R",)),
    ActionSpec("paste", Menu.INPUT, "&Paste as typing", ("Ctrl+Alt+V",), for_guest=True),
    ActionSpec("share-clipboard", Menu.INPUT, "Share &clipboard with the guest", checkable=True),
    ActionSpec("pointer-auto", Menu.INPUT, "Show host pointer where the guest has &none", (), True, "pointer", True),
    ActionSpec("pointer-shown", Menu.INPUT, "Show host pointer &always", (), True, "pointer"),
    ActionSpec("pointer-hidden", Menu.INPUT, "Show host pointer n&ever", (), True, "pointer"),
    *_SENT,
    ActionSpec("keys", Menu.HELP, "&Keys…", ("Ctrl+Alt+H", "F1")),
    ActionSpec("host-check", Menu.HELP, "&Check this host…"),
    ActionSpec("about", Menu.HELP, "&About mdevview"),
)


MENUS = KeySpec("menus", "Open the menus", ("Ctrl+Alt+M", "F10"))
"""Opens the first menu, whether the menu bar is shown or not (:mod:`ui.window.actions.menu_opener`)."""

PLAYBACK = (
    KeySpec("playback-pause", "Pause", ("Ctrl+Alt+Space",), "in a recording"),
    KeySpec("playback-back", "Back 1 s", ("Ctrl+Alt+,",), "in a recording"),
    KeySpec("playback-step", "Next change", ("Ctrl+Alt+.",), "in a recording"),
)
"""The actions of the bar below a recording (:mod:`ui.window.playback_bar`)."""

KEYED: tuple[ActionSpec | KeySpec, ...] = (*ACTIONS, MENUS, *PLAYBACK)
"""Everything that can have a key."""


def plain_text(spec: ActionSpec | KeySpec) -> str:
    """What an action does, as a menu shows it: "View > Inspect pixels > Loupe"."""
    if isinstance(spec, KeySpec):
        return f"{spec.text} ({spec.where})" if spec.where else spec.text
    parts = [each for each in (spec.menu.value, spec.submenu, spec.text) if each]
    return " > ".join(each.replace("&", "").rstrip("…") for each in parts)
