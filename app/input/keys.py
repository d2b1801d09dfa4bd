"""From the kernel's key codes to QEMU's ``QKeyCode``.

Both mean a position on the keyboard, not what is printed there: the guest's layout decides what a key means. The codes
are those of linux/input-event-codes.h, the names are those of ``QKeyCode`` in QEMU's qapi/ui.json. The mapping is that
of data/keymaps.csv in keycodemapdb. QEMU makes the tables of its own windows from that file, too.
"""

XKB_OFFSET = 8
"""X11 and xkb add this to the kernel's code, because X reserves 0 to 7."""

# Each line has a code and the names of the keys from that code on.
_RUNS = (
    (1, "esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace"),
    (15, "tab q w e r t y u i o p bracket_left bracket_right ret"),
    (29, "ctrl a s d f g h j k l semicolon apostrophe grave_accent"),
    (42, "shift backslash z x c v b n m comma dot slash shift_r"),
    (55, "kp_multiply alt spc caps_lock"),
    (59, "f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 num_lock scroll_lock"),
    (71, "kp_7 kp_8 kp_9 kp_subtract kp_4 kp_5 kp_6 kp_add kp_1 kp_2 kp_3 kp_0 kp_decimal"),
    # Zenkaku/Hankaku of a USB keyboard. A PS/2 keyboard sends the code of the key's position.
    (85, "grave_accent"),
    (86, "less f11 f12 ro"),
    (91, "hiragana henkan katakanahiragana muhenkan kp_comma"),
    (96, "kp_enter ctrl_r kp_divide print alt_r lf"),
    (102, "home up pgup left right end down pgdn insert delete"),
    (113, "audiomute volumedown volumeup power kp_equals"),
    (119, "pause"),
    (121, "kp_comma lang1 lang2 yen meta_l meta_r compose"),
    (128, "stop again props undo front copy open paste find cut help menu calculator"),
    (142, "sleep wake"),
    (155, "mail ac_bookmarks computer ac_back ac_forward"),
    (163, "audionext audioplay audioprev audiostop"),
    (172, "ac_home ac_refresh"),
    (183, "f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24"),
    (215, "mail"),
    (226, "mediaselect"),
)

_BY_CODE = {first + offset: name for first, names in _RUNS for offset, name in enumerate(names.split())}

_BY_NAME = {name: code for code, name in reversed(_BY_CODE.items())} | {"kp_comma": 121}
"""Of several codes the first one; the comma of the number pad is KEY_KPCOMMA, not KEY_KPJPCOMMA."""

# Names that people try, and the right ones.
_OTHER_NAMES = {"enter": "ret", "return": "ret", "space": "spc", "escape": "esc", "control": "ctrl", "super": "meta_l"}

QCODES = frozenset(_BY_CODE.values())
"""Every ``QKeyCode`` that a keyboard can send."""


def check_qcode(name: str) -> str:
    """The name itself. Raises ValueError, with names that are like it, if it is no ``QKeyCode`` of a keyboard."""
    if name in QCODES:
        return name
    from difflib import get_close_matches  # noqa: PLC0415  (only a wrong name needs it)

    near = get_close_matches(name.lower(), QCODES | _OTHER_NAMES.keys(), 3, 0.5)
    near = list(dict.fromkeys(_OTHER_NAMES.get(each, each) for each in near))
    hint = f"did you mean {', '.join(near)}?" if near else "names are such as a, 1, esc, ret, spc, backspace, left, f1"
    raise ValueError(f"{name!r} is no key of QEMU's: {hint}")


def qcode(code: int) -> str | None:
    """The ``QKeyCode`` of a kernel key code; None if QEMU has no name for the key."""
    return _BY_CODE.get(code)


def key_code(qcode: str) -> int | None:
    """The kernel's code of a ``QKeyCode``; None if it is none of a keyboard."""
    return _BY_NAME.get(qcode)


def qcode_of_scan_code(scan_code: int) -> str | None:
    """The ``QKeyCode`` of a scan code of X11 or Wayland; None also for an invalid one, such as 0."""
    return _BY_CODE.get(scan_code - XKB_OFFSET)
