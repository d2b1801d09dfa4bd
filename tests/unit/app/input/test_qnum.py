"""The numbers of keys. tests/unit/app/dbus_display/controls/test_input_qemu.py has QEMU read them."""

import pytest

from app.input.keys import QCODES
from app.input.qnum import qnum


def test_every_key_has_a_number_of_its_own() -> None:
    numbers = [qnum(each) for each in QCODES]
    assert None not in numbers
    assert len(set(numbers)) == len(QCODES)


@pytest.mark.parametrize(
    ("name", "number"),
    [("esc", 1), ("a", 0x1E), ("ctrl", 0x1D), ("ctrl_r", 0x9D), ("kp_enter", 0x9C), ("home", 0xC7), ("meta_l", 0xDB)],
)
def test_extended_keys_have_the_highest_bit(name: str, number: int) -> None:
    assert qnum(name) == number


@pytest.mark.parametrize("name", ["", "unmapped", "enter", "A"])
def test_what_is_no_key_has_no_number(name: str) -> None:
    assert qnum(name) is None
