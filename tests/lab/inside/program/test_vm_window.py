"""The window of a VM, used as a person uses it: keys, pictures, the end and the next start of the VM."""

import json
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np

from tests.lab.inside import watch
from tests.lab.inside.conftest import Create, Fact, StartVm
from tests.lab.inside.machine import Machine
from tests.lab.inside.pictures import Colours, colours
from tests.lab.inside.program import command
from tests.lab.inside.program.keyboard import driven_window
from tests.lab.inside.program.look import look
from tests.lab.inside.program.screen import save_screen
from tests.lab.inside.rawvfio import Mbochs
from tests.window.displays import HEIGHT, WIDTH, Display

# The guest's screen, unscaled in the middle of the display.
_GUEST = (1024, 768)
_LEFT, _TOP = (WIDTH - _GUEST[0]) // 2, (HEIGHT - _GUEST[1]) // 2
_LOOKS = ("--fullscreen", "--scaling", "actual", "--filter", "nearest")
# The part with the guest's text. The window's own text is at the edges.
_PART = (_LEFT, _TOP, _GUEST[0], 200)

_DEATHS = 2
# No spaces: they change as little as the blinking cursor.
_TYPED = "Hello,World!{42}"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CLIENTS = 10
# Ten times the limit of Proxmox VE (queue_execute() in PVE/QMPClient.pm), as the CPU may be emulated.
_GREETED_S = 30.0


def _guest_on(screen: Colours) -> Colours:
    return screen[_TOP : _TOP + _GUEST[1], _LEFT : _LEFT + _GUEST[0]]


def _is_seen(session: Display, machine: Machine, file: Path) -> bool:
    return np.array_equal(_guest_on(save_screen(session, file)), colours(machine.memory()))


def _wait_until_seen(session: Display, machine: Machine, file: Path) -> None:
    """Wait until the screen shows the guest's picture, exact in each pixel."""
    with machine.stopped():
        machine.wait_until(partial(_is_seen, session, machine, file), "the guest's picture on the screen")


def test_keys_and_the_machine_menu_of_the_window_reach_the_vm(
    shared_vm: Machine, session: Display, pictures: Path, tmp_path: Path, fact: Fact
) -> None:
    log = tmp_path / "log"
    with driven_window(session.env, _PART, log, "vm:lab", *_LOOKS) as window:
        command.wait_for_line(log, "path: egl-image", window.process)
        shared_vm.reset()
        _wait_until_seen(session, shared_vm, pictures / "vm-1-prompt.png")

        esc = window.press("esc")
        assert esc is not None, log.read_text()
        shared_vm.wait_for_menu()
        _wait_until_seen(session, shared_vm, pictures / "vm-2-menu.png")

        chosen = window.press("1")
        assert chosen is not None, log.read_text()
        shared_vm.wait_for_guest()
        keys = [window.press(character) for character in _TYPED]
        shared_vm.wait_until(lambda: len(shared_vm.typed()) >= len(_TYPED), f"all keys: {keys}")
        assert shared_vm.typed() == _TYPED
        took = [each for each in keys if each is not None]
        assert len(took) == len(keys), keys
        _wait_until_seen(session, shared_vm, pictures / "vm-3-typed.png")
        for row, state in (("pause", "paused"), ("resume", "running")):
            window.choose(row)
            shared_vm.wait_until(partial(_is, shared_vm, state), f"the VM is {state}")
    fact("window: from key event to changed frame", f"esc {esc:.0f} ms, 1 {chosen:.0f} ms")
    fact(
        "window: from key event to changed frame, single letters",
        f"median {statistics.median(took):.0f} ms, {min(took):.0f} to {max(took):.0f} ms",
    )


def _is(machine: Machine, state: str) -> bool:
    told: str = machine.command("query-status")["status"]
    return told == state


def _ask(path: Path) -> float:
    """Connect and ask for the VM's state. Returns the seconds until the greeting, or raises TimeoutError."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_GREETED_S)
        client.connect(str(path))
        with client.makefile("rb") as lines:
            assert "QMP" in json.loads(lines.readline())
            waited = time.monotonic() - began
            for name in ("qmp_capabilities", "query-status"):
                client.sendall(json.dumps({"execute": name, "id": name}).encode())
                while json.loads(lines.readline()).get("id") != name:
                    pass
    time.sleep(0.2)
    return waited


def test_other_program_is_greeted_while_the_window_types_and_no_key_is_lost(
    shared_vm: Machine, session: Display, tmp_path: Path, fact: Fact
) -> None:
    """QEMU serves one client of a QMP socket at a time."""
    log = tmp_path / "log"
    shared_vm.boot_guest()
    with driven_window(session.env, _PART, log, "vm:lab", *_LOOKS) as window, ThreadPoolExecutor(1) as executor:
        command.wait_for_line(log, "path: egl-image", window.process)
        before, typed = len(shared_vm.typed()), ""
        waits = executor.submit(lambda: [_ask(shared_vm.qmp) for _ in range(_CLIENTS)])
        while not waits.done():
            typed += _LETTERS[len(typed) % 26]
            window.press(typed[-1])
        # A pause longer than the time for which the window holds the socket, and a key of a new burst.
        time.sleep(2.5)
        typed += "x"
        window.press("x")
        shared_vm.wait_until(lambda: len(shared_vm.typed()) >= before + len(typed), "all keys")
        assert shared_vm.typed()[before:] == typed
    seconds = waits.result()
    fact(
        "QMP: another program waits for its greeting while a window types",
        f"median {statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s; {len(typed)} keys in order",
    )


@contextmanager
def _window(session: Display, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = command.start("-v", "view", *arguments, errors=log, env=session.env)
    try:
        yield process
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


def test_vm_that_is_killed_and_started_at_once_comes_back(
    create: Create, start_vm: StartVm, session: Display, pictures: Path, tmp_path: Path, fact: Fact
) -> None:
    """The next QEMU does not find its device busy, and the window shows it without the user."""
    uuid, log = create("mbochs_rw", "small"), tmp_path / "log"
    machine = start_vm(uuid, name="phoenix")
    with _window(session, log, uuid, "--wait", *_LOOKS) as window:
        command.wait_for_line(log, "path: egl-image", window)
        back: list[str] = []
        for times in range(2, 2 + _DEATHS):
            machine.kill()
            started = time.monotonic()
            machine = machine.again()
            machine.wait_for_device()
            command.wait_for_line(log, "path: egl-image", window, times)
            back.append(f"{time.monotonic() - started:.1f} s")
        machine.wait_for_text()
        _wait_until_seen(session, machine, pictures / "vm-back.png")
        machine.kill()
        ended = time.monotonic()
        while True:
            with suppress(OSError):
                Mbochs.open(uuid).close()
                break
        fact("window: the vGPU of a VM that was killed is free after", f"{(time.monotonic() - ended) * 1000:.0f} ms")
        command.wait_for_line(log, "gone, vm-ended", window, 1 + _DEATHS)
        time.sleep(1)
        save_screen(session, pictures / "vm-ended.png")
    fact("window --wait: from QEMU's next start to its picture (BIOS included)", back)
    fact("window --wait: the log", log.read_text().replace(uuid, "UUID").splitlines())


def test_only_one_viewer_fetches_from_mbochs_as_shipped(
    create: Create, start_vm: StartVm, session: Display, pictures: Path, tmp_path: Path, fact: Fact
) -> None:
    """A second fetch corrupts the kernel, so later viewers get an error, also if the first one was killed. The next
    buffer and the next VM can be shown."""
    log, shot = tmp_path / "log", str(tmp_path / "shot.png")
    machine = start_vm(create("mbochs", "small"), name="once", extra=("-S",))
    machine.set_mode(640, 480)
    with _window(session, log, "vm:once") as window:
        command.wait_for_line(log, "error, not-readable", window)
        save_screen(session, pictures / "window-not-readable.png")
        assert watch.dmabufs() == 1, "the first viewer fetches"
        second = command.run("screenshot", machine.uuids[0], "-o", shot, "--timeout", "1")
    assert watch.dmabufs_after(5) == 0
    third = command.run_here("screenshot", "vm:once", "-o", shot, "--timeout", "1")
    for done, reason in ((second, "fetched-elsewhere"), (third, "fetched-before")):
        (line,) = done.err.splitlines()
        assert (done.status, done.out) == (5, ""), line
        assert f"error: {reason}" in line
        fact("mbochs, not the first viewer", line.replace(machine.uuids[0], "UUID").replace(str(machine.pid), "PID"))

    machine.set_mode(800, 600)
    for _ in range(2):
        with look(f"pid:{machine.pid}") as seen:
            reason = seen.told()["reason"]
            fact("mbochs, a new mode", (reason, seen.device.fetched))
    machine.kill()
    machine = machine.again()
    machine.set_mode(640, 480)
    with look("vm:once") as seen:
        assert (seen.told()["reason"], seen.device.fetched) == ("not-readable", 1)
    machine.kill()
