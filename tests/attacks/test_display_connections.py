"""The connection to a VM's display: whoever ends it, takes it or does not answer, and whenever."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from app.dbus_display.connection import display_loop, vm_display
from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import ControlState
from app.errors import MdevviewError
from app.open.opening import open_target
from app.open.target import parse_target
from tests.attacks.fake_display import PATIENCE_S, attacked, until
from tests.attacks.limits import time_limit
from tests.conftest import open_files
from tests.qemu.fake_vm import FakeVm
from tests.qemu.peer import Peer, accept
from tests.unit.app.dbus_display.access.fake_bus import FakeBus
from tests.unit.command import MDEVVIEW, REPOSITORY

Serve = Callable[[FakeVm, socket.socket], None]


def _no_fd(*_: object) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_opening_and_closing_leaves_nothing_whenever_messages_fly() -> None:
    with attacked():
        pass
    files, threads = open_files(), threading.active_count()
    for _ in range(30):
        with attacked() as it:
            for _ in range(20):
                it.listener.start("MouseSet", 1, 1, 1)
    assert open_files() == files
    assert threading.active_count() == threads


def test_close_whose_wake_up_is_read_by_a_turn_that_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread has seen that nobody closes, and reads its wake-ups only after close() has written one."""
    turn_began, closing = threading.Event(), threading.Event()
    read, write = os.eventfd_read, os.eventfd_write

    def read_late(fd: int) -> int:
        if threading.current_thread().name == "vm-display":
            turn_began.set()
            closing.wait(PATIENCE_S)
        return read(fd)

    def write_and_tell(fd: int, value: int) -> None:
        write(fd, value)
        if turn_began.is_set():
            closing.set()

    with FakeVm() as vm:
        display = vm_display.VmDisplay(Endpoint(vm.connect()), lambda: False)
        monkeypatch.setattr("app.dbus_display.connection.vm_display.os.eventfd_read", read_late)
        display.wake()
        assert turn_began.wait(PATIENCE_S)
        monkeypatch.setattr("app.dbus_display.connection.vm_display.os.eventfd_write", write_and_tell)
        close = threading.Thread(target=display.close, daemon=True)
        close.start()
        close.join(PATIENCE_S)
        is_closed = not close.is_alive()
        # The VM's end wakes a thread that missed the wake-up.
        vm.hang_up()
        close.join()
    assert is_closed


def test_controls_taken_over_again_and_again_come_back_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display_loop, "_END_LIMIT_NS", 2_000_000)
    monkeypatch.setattr(display_loop, "_END_CHECK_NS", 1_000_000)
    with attacked() as it:
        files, threads = open_files(), threading.active_count()
        asked = [0]
        connect = it.vm.connect

        def refuse_twice() -> socket.socket:
            asked[0] += 1
            if asked[0] % 3:
                raise ConnectionRefusedError(errno.ECONNREFUSED, "no")
            return connect()

        monkeypatch.setattr(it.display, "_endpoint", it.display._endpoint.__class__(None, None, refuse_twice))  # type: ignore[arg-type]
        for _ in range(60):
            it.vm.hang_up()
            until(lambda: it.display.state is ControlState.TAKEN_OVER)
            until(lambda: it.display.retake() or it.display.state is ControlState.CONNECTED)  # type: ignore[func-returns-value]
        # However often the user asked, each time one connection was made.
        assert asked == [60 * 3]
        it.listener.do("MouseSet", 1, 1, 1)
        # The VM's side of an earlier connection may be about to end.
        until(lambda: (open_files(), threading.active_count()) == (files, threads))


class _Interrupted(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        if timeout == vm_display._READY_LIMIT_S:
            raise KeyboardInterrupt
        return super().wait(timeout)


def test_opening_that_does_not_come_to_its_end_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeVm() as vm:
        files, threads = open_files(), threading.active_count()
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("app.dbus_display.connection.vm_display.threading.Event", _Interrupted)
            vm_display.VmDisplay(Endpoint(vm.connect()), lambda: False)
        vm.hang_up()
        until(lambda: threading.active_count() == threads)
        connection = vm.connect()
        with monkeypatch.context() as patch, pytest.raises(OSError):
            patch.setattr("app.dbus_display.connection.vm_display.os.eventfd", _no_fd)
            vm_display.VmDisplay(Endpoint(connection), lambda: False)
        assert connection.fileno() == -1
        vm.hang_up()
        until(lambda: open_files() == files)


def _silent(_vm: FakeVm, connection: socket.socket) -> None:
    accept(connection)


def _without_a_picture(vm: FakeVm, connection: socket.socket) -> None:
    threading.Thread(target=vm._serve, args=(Peer(connection),)).start()
    vm.listener()


@pytest.mark.parametrize("serve", [_silent, _without_a_picture])
def test_interrupt_while_it_is_opened(tmp_path: Path, serve: Serve) -> None:
    """Ctrl-C while the VM has not told what it has, and while it has no picture."""
    reached, ended, connections = threading.Event(), threading.Event(), list[socket.socket]()
    with FakeVm() as vm:

        def serve_next(connection: socket.socket) -> None:
            connections.append(connection)
            if len(connections) == 1:
                # The bus, which is asked first.
                bus.answer(connection)
            serve(vm, connection)
            reached.set()
            ended.wait(PATIENCE_S)

        with FakeBus(tmp_path / "bus", serve_next) as bus:
            bus.has((":1.1", os.getpid()))
            command = [sys.executable, "-m", MDEVVIEW, "screenshot", f"dbus:unix:path={bus.path}", "-o", "/dev/null"]
            with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
                try:
                    assert reached.wait(PATIENCE_S)
                    process.send_signal(signal.SIGINT)
                    _, said = process.communicate(timeout=PATIENCE_S)
                finally:
                    process.kill()
                    ended.set()
                    with suppress(OSError):
                        connections[-1].shutdown(socket.SHUT_RDWR)
    assert (process.returncode, said) == (128 + signal.SIGINT, "")


@pytest.mark.parametrize(
    "address",
    [
        "unixexec:path=/usr/bin/touch,argv1={made}",
        "unixexec:path=/usr/bin/touch,argv1={made};unix:path={made}",
        "autolaunch:",
        "autolaunch:scope=install-path",
        "launchd:env=HOME",
        "tcp:host=localhost,port=22",
        "nonce-tcp:host=localhost,port=22,noncefile={fifo}",
        "unix:path={fifo}",
        "unix:path=/tmp/%00",
        "unix:path=%",
        "unix:path=" + "a" * 100_000,
    ],
)
def test_address_of_a_bus_starts_no_program_and_waits_for_nothing(tmp_path: Path, address: str) -> None:
    fifo, made = tmp_path / "fifo", tmp_path / "made"
    os.mkfifo(fifo)
    target = parse_target("dbus:" + address.format(fifo=fifo, made=made))
    with time_limit(PATIENCE_S), pytest.raises(MdevviewError) as raised:
        open_target(target)
    assert not made.exists()
    assert len(str(raised.value)) < 1000
