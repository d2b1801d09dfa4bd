"""A QMP socket that is shared: whoever else is there between two connections, keys go to the VM alone, once, in order.

Each connection is a new one, so what was checked of the one before proves nothing.
"""

import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from app.input.event import Key
from app.qemu.qmp_address import UnixAddress
from app.vm import input_queue
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_timeouts import SHARED, MonitorTimeouts
from app.vm.qmp import open_monitor
from tests.attacks.limits import time_limit
from tests.attacks.qmp_vm import qmp_vm
from tests.unit.app.vm.monitors import CALM, A, in_json, lost, ready
from tests.unit.qmp_server import GREETING, LONG_S, Client, FakeVm, until

SHORT = replace(CALM, hold=0.03, look=600)
# As users have them, but the VM's state is looked at more often.
USUAL = replace(SHARED, look=0.2)


@contextmanager
def _monitor(path: Path, timeouts: MonitorTimeouts, owner: int | None = None) -> Iterator[MonitorConnection]:
    connection = open_monitor(UnixAddress(str(path)), lambda: None, timeouts, owner)
    try:
        yield connection
    finally:
        connection.close()


def _await_typed(vm: subprocess.Popen[bytes]) -> None:
    assert vm.stdout is not None
    with time_limit(LONG_S):
        while vm.stdout.readline() != b"typed\n":
            pass


@contextmanager
def _busy(*steps: Callable[[], object]) -> Iterator[None]:
    """Call each step in a thread of its own, again and again."""
    ended = threading.Event()

    def run(step: Callable[[], object]) -> None:
        while not ended.is_set():
            with suppress(OSError):
                step()

    threads = [threading.Thread(target=run, args=(each,)) for each in steps]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        ended.set()
        for each in threads:
            each.join()


def test_a_stranger_that_takes_the_sockets_place_between_two_connections_gets_no_keys(tmp_path: Path) -> None:
    """The VM was there before, and is there again later. The stranger is this process."""
    path, aside, strangers = tmp_path / "qmp", tmp_path / "aside", tmp_path / "stranger"
    with qmp_vm(path) as vm, FakeVm(strangers) as stranger, _monitor(path, SHORT, vm.pid) as connection:
        for _ in range(5):
            until(lambda: ready(connection))
            connection.send(A)
            _await_typed(vm)
            before = stranger.connections
            path.rename(aside)
            strangers.rename(path)
            while not lost(connection):
                connection.send([Key("p", True), Key("w", True)])
                time.sleep(0.001)
            assert "belongs to another process" in connection.status.detail
            until(lambda before=before: stranger.connections > before)  # type: ignore[misc]
            path.rename(strangers)
            aside.rename(path)
        assert stranger.heard == []


def test_a_stranger_that_takes_the_sockets_place_all_the_time_gets_no_keys(tmp_path: Path) -> None:
    path, vms, strangers = tmp_path / "qmp", tmp_path / "vm", tmp_path / "stranger"

    def swap() -> None:
        for each in (strangers, vms):
            (tmp_path / "new").symlink_to(each)
            (tmp_path / "new").replace(path)
            time.sleep(0.002)

    with qmp_vm(vms) as vm, FakeVm(strangers) as stranger:
        path.symlink_to(vms)
        with _busy(swap), _monitor(path, SHORT, vm.pid) as connection:

            def seen() -> bool:
                connection.send(A)
                return stranger.connections >= 20

            until(seen)
        assert stranger.heard == []


def _flap(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(str(path))


def _garbage(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.01)
        client.connect(str(path))
        client.sendall(b'\xff{"execute": "input-send-event"' * 20 + b"}" * 40)
        with suppress(TimeoutError):
            client.recv(100)


def _hog(path: Path, dice: random.Random) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(str(path))
        time.sleep(dice.uniform(0, 0.02))


def test_1000_keys_beside_hostile_clients_arrive_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come and go, keep the socket, send garbage, and fill the queue of those who wait."""
    monkeypatch.setattr(input_queue, "KEY_INTERVAL_NS", 1000)
    # A place in the queue of those who wait: the time for it is as long as that for an answer.
    monkeypatch.setattr("app.vm.qmp_socket._BACKLOG_TIMEOUT_S", LONG_S)
    keys = [Key(f"f{number}", down) for number in range(500) for down in (True, False)]
    dice = random.Random(11)
    with FakeVm(tmp_path / "qmp") as vm, _monitor(vm.path, replace(SHORT, connect=600)) as connection:
        until(lambda: ready(connection))
        with _busy(lambda: _flap(vm.path), lambda: _garbage(vm.path), lambda: _hog(vm.path, dice)):
            for key in keys:
                connection.send([key])
                if dice.random() < 0.03:
                    time.sleep(dice.uniform(0, 0.06))
            until(lambda: len(vm.events) >= len(keys), 6 * LONG_S)
        assert vm.events == in_json(*keys)
        assert ready(connection)


def _garbage_later(vm: FakeVm, client: Client) -> None:
    if vm.connections == 1:
        vm.serve(client)
    client.say_bytes(b"\x00\xff garbage\r\n" * 10)


def _hang_up_later(vm: FakeVm, client: Client) -> None:
    if vm.connections == 1:
        vm.serve(client)
    client.say(GREETING)
    vm.answer(client, client.hear())


@pytest.mark.parametrize("script", [FakeVm.serve, _garbage_later, _hang_up_later], ids=["idle", "garbage", "hang-up"])
def test_a_vm_is_not_connected_to_without_a_pause(tmp_path: Path, script: Callable[[FakeVm, Client], None]) -> None:
    with FakeVm(tmp_path / "qmp", script) as vm, _monitor(vm.path, USUAL) as connection:
        until(lambda: ready(connection))
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            if script is not FakeVm.serve:
                connection.send(A)
            time.sleep(0.005)
        assert vm.connections <= 8
        assert ready(connection) == (script is FakeVm.serve)
        assert vm.events == []


def test_close_beside_a_client_that_keeps_the_socket_ends_in_time(tmp_path: Path) -> None:
    with FakeVm(tmp_path / "qmp") as vm:
        connection = open_monitor(UnixAddress(str(vm.path)), lambda: None, replace(SHORT, close=0.1))
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True)])
        until(lambda: vm.events)
        until(lambda: not vm.busy)
        with socket.socket(socket.AF_UNIX) as hog:
            hog.connect(str(vm.path))
            until(lambda: vm.busy)
            began = time.monotonic()
            connection.close()
            assert time.monotonic() - began < LONG_S
        until(lambda: not any(each.name == "monitor" for each in threading.enumerate()))
        assert vm.events == in_json(Key("ctrl", True))


def test_keys_that_are_down_when_the_vm_ends_are_not_released_in_its_successor(tmp_path: Path) -> None:
    """The next VM of the same name listens at the same path."""
    path = tmp_path / "qmp"
    with qmp_vm(path) as vm:
        connection = open_monitor(UnixAddress(str(path)), lambda: None, SHORT, vm.pid)
        until(lambda: ready(connection))
        connection.send([Key("ctrl", True)])
        _await_typed(vm)
        # The socket is let go meanwhile, so the end of the VM is not seen.
        time.sleep(0.3)
        vm.kill()
        vm.wait()
    path.unlink()
    assert ready(connection)
    with FakeVm(path) as successor:
        connection.close()
        until(lambda: successor.connections)
        assert successor.heard == []
