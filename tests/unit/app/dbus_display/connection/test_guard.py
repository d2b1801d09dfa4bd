"""A viewer that is stopped, hangs or dies never keeps a VM waiting: another process ends its listeners' connections."""

import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from app.dbus_display.connection.guard import Guard
from app.dbus_display.connection.guard_program import Watched
from tests.qemu.machine import QemuMachine
from tests.qemu.virtio_gpu import VirtioGpu
from tests.qemu.watched import viewer
from tests.unit.app.dbus_display.connection.listeners import PATIENCE_S, wait_until
from tests.unit.command import REPOSITORY
from tests.unit.refused_threads import refuse_threads

# What QEMU's main loop waits for without the guard: 1 s for a map, and without an end for the authentication.
STANDSTILL_S = 0.9


@contextmanager
def watched(what: str) -> Iterator[tuple[subprocess.Popen[str], socket.socket, int]]:
    """A program whose connection is watched, our end of it, and the guard's pid."""
    ours, theirs = socket.socketpair()
    command = [
        sys.executable,
        "-m",
        "tests.unit.app.dbus_display.connection.programs.watched",
        str(theirs.fileno()),
        what,
    ]
    with (
        ours,
        subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()]
        ) as process,
    ):
        try:
            theirs.close()
            assert process.stdout is not None
            yield process, ours, int(process.stdout.readline())
        finally:
            process.kill()


def has_ended(connection: socket.socket, timeout_s: float) -> bool:
    """Whether the other end was shut down in time."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(timeout_s * 1000))


def is_asleep(pid: int) -> bool:
    """Whether a process does nothing for 0.3 s, which is thirty times as long as the guard waits between two looks."""
    status = Path(f"/proc/{pid}/status")
    before = status.read_text().partition("voluntary_ctxt_switches")[2]
    time.sleep(0.3)
    return status.read_text().partition("voluntary_ctxt_switches")[2] == before


def ignores(pid: int, number: int) -> bool:
    mask = Path(f"/proc/{pid}/status").read_text().partition("SigIgn:\t")[2].split()[0]
    return bool(int(mask, 16) >> (number - 1) & 1)


def sockets(pid: int) -> int:
    """How many a process has."""
    count = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        # One that was closed since.
        with suppress(FileNotFoundError):
            count += str(each.readlink()).startswith("socket:")
    return count


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_connection_of_a_stopped_program_ends_when_something_comes() -> None:
    with watched("read") as (process, ours, _):
        process.send_signal(signal.SIGSTOP)
        ours.sendall(b"x")
        assert has_ended(ours, PATIENCE_S)
        assert process.poll() is None


def test_connection_of_a_stopped_program_at_rest_ends_with_the_first_message() -> None:
    """The guard sleeps by then: it looks at a new connection for two seconds."""
    with watched("read") as (process, ours, pid):
        wait_until(lambda: is_asleep(pid), "the guard at rest")
        process.send_signal(signal.SIGSTOP)
        ours.sendall(b"x")
        assert has_ended(ours, PATIENCE_S)


def test_connection_that_is_not_read_ends_although_the_program_runs() -> None:
    with watched("ignore") as (_, ours, _):
        ours.sendall(b"x")
        assert has_ended(ours, PATIENCE_S)


def test_connection_that_is_read_all_the_time_lives() -> None:
    """It always has something unread when the guard looks: it is slower than the VM."""
    with watched("read-slowly") as (process, ours, _):
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            ours.sendall(bytes(1 << 16))
        assert not has_ended(ours, 0.05)
        assert process.poll() is None


def test_guard_keeps_no_connection_that_its_program_has_closed() -> None:
    with watched("close") as (_, ours, pid):
        assert has_ended(ours, PATIENCE_S)
        wait_until(lambda: sockets(pid) == 1, "the end of the guard's copy")


def test_connection_that_is_read_while_the_guard_looks_stays_watched() -> None:
    """The guard saw unread bytes, and the program read them before it could look at them."""

    def read_meanwhile(connection: socket.socket, request: int, number: Any) -> None:
        real(connection, request, number)
        connection.recv(100)

    ours, theirs = socket.socketpair()
    real = fcntl.ioctl
    with ours, theirs, patch.object(fcntl, "ioctl", read_meanwhile):
        watched = Watched(theirs, 1.0)
        ours.send(b"message")
        assert watched.look(2.0) == 0
        assert not watched.has_data


def test_guard_ends_with_its_program_and_so_do_the_connections() -> None:
    with watched("read") as (process, ours, pid):
        wait_until(lambda: ignores(pid, signal.SIGTERM), "the start of the guard")
        # As the end of a session does.
        os.kill(pid, signal.SIGTERM)
        assert is_alive(pid)
        assert os.getsid(pid) == pid
        process.kill()
        assert has_ended(ours, PATIENCE_S)
        wait_until(lambda: not is_alive(pid), "the end of the guard")


def test_guard_that_was_killed_is_started_again() -> None:
    guard = Guard()
    guard.acquire()
    pairs = [socket.socketpair() for _ in range(2)]
    try:
        guard.watch(pairs[0][0])
        first = guard.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not is_alive(first), "the end of the guard")
        guard.watch(pairs[1][0])
        assert guard.pid not in {0, first}
    finally:
        guard.release()
        for each in (*pairs[0], *pairs[1]):
            each.close()


def test_guard_that_cannot_be_started_is_told_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("app.dbus_display.connection.guard.spawn_program", fail)
    guard = Guard()
    guard.acquire()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        guard.watch(ours)
        guard.watch(ours)
    guard.release()
    wait_until(lambda: caplog.records, "the warning")
    wait_until(lambda: all(each.name != "guard-warning" for each in threading.enumerate()), "its thread")
    assert len(caplog.records) == 1 and "stopped" in caplog.text
    caplog.clear()


def test_guard_that_cannot_even_warn_does_not_end_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many processes and threads as a user may have, neither can be started."""

    def fail(*arguments: object) -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("app.dbus_display.connection.guard.spawn_program", fail)
    refuse_threads(monkeypatch)
    guard = Guard()
    guard.acquire()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        guard.watch(ours)
    guard.release()


def test_new_map_while_the_viewer_is_stopped_does_not_hold_up_the_vm(tmp_path: Path) -> None:
    """It is the first message after the stop, and QEMU waits for its answer."""
    longest_s: list[float] = []
    # This machine may stand still itself once.
    while not longest_s or (longest_s[-1] >= STANDSTILL_S and len(longest_s) < 3):
        with (
            QemuMachine(tmp_path / str(len(longest_s)), ["virtio-gpu-pci,addr=2"], qtest=True) as machine,
            VirtioGpu(machine) as gpu,
        ):
            gpu.show(gpu.resource(640, 480))
            with viewer(machine) as process, machine.answer_times() as times:
                process.send_signal(signal.SIGSTOP)
                gpu.show(gpu.resource(800, 600))
                time.sleep(0.5)
            longest_s.append(times.worst_s)
    assert longest_s[-1] < STANDSTILL_S
