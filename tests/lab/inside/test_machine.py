"""The VM of the other tests: it boots, draws into its vGPU, and reads keys."""

import time

import numpy as np

from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.machine import Machine, differ


def _press(machine: Machine, key: str) -> str:
    """Press keys until the picture changes."""
    before = machine.memory()
    started = time.monotonic()
    machine.press(key)
    machine.wait_until(lambda: differ(machine.memory(), before), "the picture changes")
    return f"{(time.monotonic() - started) * 1000:.0f} ms"


def test_bios_draws_into_the_vgpu_and_takes_keys(create: Create, start_vm: StartVm, fact: Fact) -> None:
    machine = start_vm(create("mbochs_rw", "small"), name="lab")
    machine.wait_for_text()
    fact("QEMU: from start to SeaBIOS' text in the vGPU", f"{time.monotonic() - machine.started:.1f} s")
    with machine.stopped():
        np.testing.assert_array_equal(machine.picture(), machine.memory())
    fact("SeaBIOS: its menu is there after", _press(machine, "esc"))
    machine.wait_for_menu()
    machine.press("1")
    machine.wait_for_guest()
    fact("guest: a key shows after", [_press(machine, key) for key in "ab"])
    machine.press("f1")
    machine.wait_until(lambda: machine.keys() == [("a", 0x1E), ("b", 0x30), ("", 0x3B)], "three keys")
    assert machine.quit() == 0
