"""Text as keys that go down and up."""

from app.input.keys import QCODES
from app.input.typing import chord, key_for, keystrokes


def test_what_is_typed_is_a_key_of_a_keyboard() -> None:
    for character in map(chr, range(0x20, 0x7F)):
        key = key_for(character)
        assert key is not None and key[0] in QCODES, character


def test_a_combination_goes_down_in_order_and_up_in_the_reverse() -> None:
    names = [(each.qcode, each.down) for (each,) in chord(("ctrl", "alt", "delete"))]
    up_and_down = [("ctrl", True), ("alt", True), ("delete", True), ("delete", False), ("alt", False), ("ctrl", False)]
    assert names == up_and_down


def test_text_ends_with_nothing_held() -> None:
    """Also where it ends in a capital; what has no key is left out."""
    events = [event for step in keystrokes("aé\nB!") for event in step]
    written = "".join(f"{'+' if each.down else '-'}{each.qcode} " for each in events)
    assert written == "+a -a +ret -ret +shift +b -b +1 -1 -shift "
