"""Keys by position, compared with the kernel's header and the installed QEMU."""

import re
from pathlib import Path

import pytest

from app.input.keys import QCODES, check_qcode, qcode, qcode_of_scan_code
from tests import gate

_HEADER = Path("/usr/include/linux/input-event-codes.h")
# Names for a position that has another name already, or for none.
_SPARE = {"unmapped", "asterisk", "sysrq"}


def test_every_key_of_qemu_has_its_position_and_no_other_name_is_used(enums: list[set[str]]) -> None:
    (known,) = (each for each in enums if {"meta_l", "kp_equals"} <= each)
    assert known - QCODES == _SPARE
    assert known >= QCODES


def test_codes_are_the_kernels() -> None:
    """The names that QEMU and the kernel share stand for the same key."""
    if not _HEADER.exists():
        gate.unavailable(f"there is no {_HEADER}")
    found = re.findall(r"^#define KEY_(\w+)\s+(\w+)", _HEADER.read_text(), re.MULTILINE)
    codes = {name.lower(): int(value, 0) for name, value in found if value[0].isdigit()}
    shared = [name for name in codes if name in QCODES]
    assert len(shared) > 100
    # QEMU's "print" is the key with SysRq on it; the kernel's KEY_PRINT prints the document.
    assert [name for name in shared if qcode(codes[name]) != name] == ["print"]


@pytest.mark.parametrize(
    ("code", "name"),
    [(28, "ret"), (42, "shift"), (56, "alt"), (86, "less"), (89, "ro"), (97, "ctrl_r"), (100, "alt_r"), (99, "print")],
)
def test_x11_and_wayland_add_eight(code: int, name: str) -> None:
    assert qcode(code) == qcode_of_scan_code(code + 8) == name


@pytest.mark.parametrize("scan_code", [0, 8, 7, 255, 100_000, -1])
def test_an_invalid_scan_code_has_no_name(scan_code: int) -> None:
    assert qcode_of_scan_code(scan_code) is None


def test_name_of_no_key_is_refused_with_names_that_are_like_it() -> None:
    for name in QCODES:
        assert check_qcode(name) == name
    for wrong, right in (
        ("escape", "esc"),
        ("Return", "ret"),
        ("ESC", "esc"),
        ("ctl", "ctrl"),
        ("bakspace", "backspace"),
    ):
        with pytest.raises(ValueError, match=rf"did you mean .*\b{right}\b"):
            check_qcode(wrong)
    for wrong in ("", "\0", "x" * 1000, "%%%"):
        with pytest.raises(ValueError, match="is no key"):
            check_qcode(wrong)
