"""Another program and a window use the QMP socket of one QEMU, which serves one client at a time."""

import json
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab.inside.conftest import Fact
from tests.lab.inside.machine import Machine
from tests.lab.inside.program import command
from tests.lab.inside.program.keyboard import driven_window
from tests.window.displays import Display

_LOOKS = ("--fullscreen", "--scaling", "actual", "--filter", "nearest")
_PART = (0, 0, 640, 200)
_CLIENTS = 10
# Proxmox VE's limit for the connection and its answers (queue_execute() in PVE/QMPClient.pm).
_LIMIT_S = 3.0
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _ask(path: Path) -> float:
    """Connect and ask for the VM's state. Returns the seconds until the greeting. Raises TimeoutError after 3 s."""
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_LIMIT_S)
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


def test_other_program_is_greeted_while_a_window_types_and_no_key_is_lost(
    shared_vm: Machine, session: Display, tmp_path: Path, fact: Fact
) -> None:
    log = tmp_path / "log"
    with driven_window(session.env, _PART, log, "vm:lab", *_LOOKS) as window, ThreadPoolExecutor(1) as executor:
        command.wait_for_line(log, "path: egl-image", window.process)
        shared_vm.reset()
        assert window.press("esc") is not None, log.read_text()
        shared_vm.wait_for_menu()
        assert window.press("1") is not None, log.read_text()
        shared_vm.wait_for_guest()
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
