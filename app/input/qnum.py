"""From QEMU's ``QKeyCode`` to its key numbers (qnum), which the D-Bus display takes.

A key number is the key's scan code of set 1 (XT). An extended code, which a keyboard sends after 0xE0, is the code with
bit 7 set. QEMU reads it by the table ``qemu_input_map_qnum_to_qcode``, which is made of keycodemapdb's
data/keymaps.csv. An unknown number does nothing.
"""

# Each line has a number and the names of the keys from that number on. QEMU reads 0xB7 as "print", too.
_RUNS = (
    (0x01, "esc 1 2 3 4 5 6 7 8 9 0 minus equal backspace"),
    (0x0F, "tab q w e r t y u i o p bracket_left bracket_right ret"),
    (0x1D, "ctrl a s d f g h j k l semicolon apostrophe grave_accent shift"),
    (0x2B, "backslash z x c v b n m comma dot slash shift_r kp_multiply alt"),
    (0x39, "spc caps_lock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 num_lock scroll_lock"),
    (0x47, "kp_7 kp_8 kp_9 kp_subtract kp_4 kp_5 kp_6 kp_add kp_1 kp_2 kp_3 kp_0 kp_decimal print"),
    (0x55, "f16 less f11 f12 kp_equals f20 lf"),
    (0x5D, "f13 f14 f15"),
    (0x64, "open paste"),
    (0x6D, "f23"),
    (0x6F, "f24 katakanahiragana lang2 lang1 ro f21"),
    (0x77, "hiragana"),
    (0x79, "henkan"),
    (0x7B, "muhenkan"),
    (0x7D, "yen kp_comma"),
    (0x83, "f17 f19 again props undo"),
    (0x8C, "front"),
    (0x90, "audioprev"),
    (0x99, "audionext"),
    (0x9C, "kp_enter ctrl_r menu"),
    (0xA0, "audiomute calculator audioplay"),
    (0xA4, "audiostop"),
    (0xAE, "volumedown"),
    (0xB0, "volumeup"),
    (0xB2, "ac_home"),
    (0xB5, "kp_divide"),
    (0xB8, "alt_r"),
    (0xBC, "cut"),
    (0xC1, "find"),
    (0xC6, "pause home up pgup"),
    (0xCB, "left"),
    (0xCD, "right"),
    (0xCF, "end down pgdn insert delete"),
    (0xDB, "meta_l meta_r compose power sleep"),
    (0xE3, "wake"),
    (0xE6, "ac_bookmarks ac_refresh stop ac_forward ac_back computer mail mediaselect"),
    (0xF5, "help"),
    (0xF7, "f18 copy f22"),
)

_NUMBERS = {name: first + offset for first, names in _RUNS for offset, name in enumerate(names.split())}


def qnum(qcode: str) -> int | None:
    """QEMU's number of a key; None if it has none."""
    return _NUMBERS.get(qcode)
