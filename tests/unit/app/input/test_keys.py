"""Keys by position, compared with the kernel's header and the installed QEMU."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.input.event import Axis, Button
from app.input.keys import QCODES, qcode, qcode_of_scan_code
from app.input.typing import chord, key_for, keystrokes

_HEADER = Path("/usr/include/linux/input-event-codes.h")
# Names for a position that has another name already, or for none.
_SPARE = {"unmapped", "asterisk", "sysrq"}


@pytest.fixture(scope="module")
def enums() -> list[set[str]]:
    """Every enum of the installed QEMU's QMP schema."""
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None and os.environ.get("CI"):
        pytest.fail("not installed: qemu-system-x86_64")
    if qemu is None:
        pytest.skip("not installed: qemu-system-x86_64")
    commands = ("qmp_capabilities", "query-qmp-schema", "quit")
    done = subprocess.run(
        [qemu, "-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"],
        input="".join(json.dumps({"execute": each}) + "\n" for each in commands),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    replies = [json.loads(line).get("return") for line in done.stdout.splitlines()]
    (schema,) = (each for each in replies if isinstance(each, list))
    return [set(each["values"]) for each in schema if each["meta-type"] == "enum"]


def test_every_key_of_qemu_has_its_position_and_no_other_name_is_used(enums: list[set[str]]) -> None:
    (known,) = (each for each in enums if {"meta_l", "kp_equals"} <= each)
    assert known - QCODES == _SPARE
    assert known >= QCODES


def test_buttons_and_axes_are_qemus(enums: list[set[str]]) -> None:
    (buttons,) = (each for each in enums if {"wheel-up", "side"} <= each)
    assert {each.value for each in Button} == buttons - {"touch"}
    assert {each.value for each in Axis} in enums


def test_what_is_typed_is_a_key_of_a_keyboard() -> None:
    for character in map(chr, range(0x20, 0x7F)):
        key = key_for(character)
        assert key is not None and key[0] in QCODES, character


def test_codes_are_the_kernels() -> None:
    """The names that QEMU and the kernel share stand for the same key."""
    if not _HEADER.exists():
        assert not os.environ.get("CI"), f"{_HEADER} is missing"
        pytest.skip(f"there is no {_HEADER}")
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


def test_a_combination_goes_down_in_order_and_up_in_the_reverse() -> None:
    names = [(each.qcode, each.down) for (each,) in chord(("ctrl", "alt", "delete"))]
    up_and_down = [("ctrl", True), ("alt", True), ("delete", True), ("delete", False), ("alt", False), ("ctrl", False)]
    assert names == up_and_down


def test_text_ends_with_nothing_held() -> None:
    """Also where it ends in a capital; what has no key is left out."""
    events = [event for step in keystrokes("aé\nB!") for event in step]
    written = "".join(f"{'+' if each.down else '-'}{each.qcode} " for each in events)
    assert written == "+a -a +ret -ret +shift +b -b +1 -1 -shift "
