"""A guest in a process of its own shows and does what the guest does that draws inside the calls of its device."""

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.errors import OpenFailed
from app.formats.decode import Rgba
from app.open.opening import OpenOptions, open_target
from app.open.target import parse_target
from app.planes.buffer import DmaBuffer
from app.planes.dmabuf import dma_buf_info
from app.planes.status import Reason
from app.sim.driver.device import SimulatedDevice
from app.sim.guest_process import process_guest
from app.sim.guest_process.messages import Message, receive
from app.sim.guest_process.process_guest import ProcessGuest
from app.sim.profile import open_simulated
from app.vfio.poller import Poller
from tests.unit.command import REPOSITORY
from tests.unit.sim_tools import (
    PROBE,
    REGION,
    get,
    query,
    read_pixels,
    refused,
    simulated,
    true_picture,
    viewed_picture,
)

_PATIENCE_S = 20.0


@contextmanager
def in_process(spec: str) -> Iterator[SimulatedDevice]:
    with closing(open_simulated(spec, own_process=True)) as device:
        yield device


def guest_of(device: SimulatedDevice) -> ProcessGuest:
    assert isinstance(device.guest, ProcessGuest)
    return device.guest


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def at_rest(device: SimulatedDevice, look: Callable[[SimulatedDevice], Rgba]) -> tuple[Rgba, Rgba]:
    """What ``look`` returns, and the correct picture, of a time without a flip and without a motion of the cursor."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        before = device.guest.primary(), device.guest.cursor()
        seen, correct = look(device), true_picture(device)
        if (device.guest.primary(), device.guest.cursor()) == before:
            return seen, correct
    raise AssertionError("the guest never rests")


@pytest.mark.parametrize(
    "words", ["gvt,size=320x240", "gvt,size=128x100,format=YUYV,modifier=X", "mbochs,size=320x240", "mdpy,size=320x240"]
)
def test_both_guests_show_the_same_picture(words: str) -> None:
    with in_process(f"{words},fps=0") as device, simulated(f"{words},fps=0") as (local, _):
        if device.spec.profile == "mbochs":
            for each in (device, local):
                with refused(errno.ENOMEM):
                    query(each)
        expected = viewed_picture(local)
        assert np.array_equal(viewed_picture(device), expected)
        assert np.array_equal(true_picture(device), expected)


@pytest.mark.parametrize("words", ["gvt,size=320x240,fps=20,cursor=off", "gvt,size=320x240,fps=5"])
def test_the_picture_is_that_of_the_flip_on_the_screen(words: str) -> None:
    with in_process(words) as device:
        for flips in (1, 3, 5):
            wait_until(lambda flips=flips: device.flips_made() >= flips)  # type: ignore[misc]
            seen, correct = at_rest(device, viewed_picture)
            assert np.array_equal(seen, correct)


def _outcome(device: SimulatedDevice) -> list[object]:
    """What a viewer learns of the device, with errnos for what fails."""
    outcome: list[object] = [device.present()]
    flags = REGION if device.spec.profile == "mdpy" else 2
    for _ in range(2):
        try:
            query(device, flags=flags | PROBE)
            answer = query(device, flags=flags)
        except OSError as error:
            outcome.append(error.errno)
            continue
        outcome.append(answer)
        if flags == REGION or not answer.fourcc:
            continue
        try:
            fd = get(device, answer.handle)
        except OSError as error:
            outcome.append(error.errno)
            continue
        outcome.append((dma_buf_info(fd).size, dma_buf_info(fd).may_vanish))
        os.close(fd)
    return outcome


@pytest.mark.parametrize(
    ("profile", "faults"),
    [
        ("gvt", "query-efault@0-"),
        ("gvt", "get-einval@0-"),
        ("mdpy", "get-enoent@0-"),
        ("gvt", "stale@0-"),
        ("gvt", "truncated@0-+read-only@0-"),
        ("mdpy", "truncated@0-+read-only@0-"),
        ("gvt", "off@0-"),
        ("gvt", "mode@0-"),
        ("mdpy", "mode@0-"),
        ("gvt", "gone@0-"),
    ],
)
def test_faults_are_those_of_the_other_guest(profile: str, faults: str) -> None:
    words = f"{profile},size=128x96,fps=0,fault={faults}"
    with in_process(words) as device, simulated(words) as (local, _):
        assert _outcome(device) == _outcome(local)


def test_the_mode_changes_back_and_forth() -> None:
    with in_process("gvt,size=200x100,fps=0,fault=mode@0.2-0.4/0.4") as device:
        for width in (150, 200, 150, 200):
            wait_until(lambda width=width: query(device).width == width)  # type: ignore[misc]
            seen, correct = at_rest(device, viewed_picture)
            assert np.array_equal(seen, correct)


def test_a_new_monitor_changes_the_mode_and_old_memory_goes_when_nobody_holds_it() -> None:
    with in_process("gvt,size=128x64,fps=60") as device:
        held = get(device, query(device).handle)
        device.guest.unplug()
        assert query(device).fourcc == 0
        for width in (320, 192, 256):
            device.guest.plug((width, 64))
            wait_until(lambda width=width: query(device).width == width)  # type: ignore[misc]
            seen, correct = at_rest(device, viewed_picture)
            assert np.array_equal(seen, correct)
        guest = guest_of(device)
        assert len(guest._retired) == 1, "what is exported stays"
        os.close(held)
        device.guest.plug((128, 64))
        wait_until(lambda: query(device).width == 128)
        assert guest._retired == []
        device.guest.plug((1, 1))
        device.guest.plug(None)
        assert query(device).width == 128


def test_a_copy_that_is_held_shows_later_flips() -> None:
    """Without /dev/udmabuf a second export of a buffer is a copy, which this process updates at a query."""
    with in_process("gvt,size=64x64,buffers=1,fps=20,cursor=off") as device:
        first, second = (DmaBuffer(get(device, query(device).handle)) for _ in range(2))
        made = device.flips_made()
        wait_until(lambda: device.flips_made() > made + 2)

        def shows() -> bool:
            """The guest may be drawing into the buffer on the screen just now."""
            return np.array_equal(read_pixels(device, query(device), second), true_picture(device))

        wait_until(shows)
        for each in (first, second):
            each.release()


def test_true_flips_are_between_the_poll_before_and_the_poll_that_saw_them() -> None:
    with in_process("gvt,size=64x64,fps=250,cursor=off") as device:
        poller = Poller(device)
        seen: dict[int, tuple[int, int]] = {}
        frame = poller.latest()
        begun = time.monotonic()
        while time.monotonic() < begun + 0.6 or (len(seen) <= 10 and time.monotonic() < begun + _PATIENCE_S):
            before, frame = frame, poller.latest()
            if frame is not before and frame.primary is not before.primary:
                flip = device.frame_flip_ns(frame)
                timing = frame.timing
                assert flip is not None and timing is not None
                seen[flip] = (timing.previous_poll_ns, timing.seen_ns + timing.query_ns + timing.fetch_ns)
            time.sleep(0.001)
        poller.release_buffers()
        flips = {each.begin_ns: each for each in device.flips()}
        assert len(seen) > 10
        for begin, (earliest, latest) in seen.items():
            # The process may be stopped between the look at the clock and the store.
            assert begin <= latest and earliest <= flips[begin].end_ns
        assert len(seen) <= device.flips_seen()
        assert device.flips_seen() + device.flips_lost() <= device.flips_made()
        since = sorted(seen)[3]
        assert [each.begin_ns for each in device.flips(since, since)] == [since]


def test_flips_come_when_they_are_due_and_are_counted() -> None:
    with in_process("gvt,size=64x64,fps=100,cursor=off") as device:
        wait_until(lambda: device.flips_made() > 20)
        flips = device.flips()
        assert all(each.due_ns <= each.begin_ns <= each.end_ns for each in flips)
        assert sorted({each.due_ns for each in flips}) == [each.due_ns for each in flips], "each picture once"
        offsets = {(each.due_ns - flips[0].due_ns) % 10_000_000 for each in flips}
        assert offsets == {0}


def _has_ended(pid: int) -> bool:
    """Whether the process is gone, or is a zombie of a parent that has not waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_guest_that_dies_is_a_device_that_is_gone() -> None:
    session = open_target(parse_target("sim:gvt,size=64x64"), options=OpenOptions(guest_process=True))
    try:
        poller = session.source
        frame = poller.latest()
        assert frame.status.reason is Reason.OK and frame.timing is not None
        assert session.true_flip_ns is not None and session.flips_lost is not None
        flip = session.true_flip_ns(frame)
        assert flip is not None and flip < frame.timing.seen_ns + frame.timing.query_ns + frame.timing.fetch_ns
        assert session.flips_lost() == 0
        assert isinstance(poller, Poller) and isinstance(poller.device, SimulatedDevice)
        guest, fd = guest_of(poller.device), poller.fileno()
        os.kill(guest.pid, signal.SIGKILL)
        ready = select.poll()
        ready.register(fd, select.POLLIN)
        assert ready.poll(_PATIENCE_S * 1000), "its end wakes the viewer"
        with refused(errno.ENODEV):
            query(poller.device)
        guest.plug((128, 64))
        status = poller.latest().status
        assert status.reason is Reason.VM_ENDED
        assert status.detail == "the process of the simulated guest ended"
    finally:
        session.close()
    # It was waited for.
    assert not Path(f"/proc/{guest.pid}").exists()


def test_a_guest_that_is_stopped_makes_no_query_wait() -> None:
    with in_process("gvt,size=64x64,fps=100") as device:
        pid = guest_of(device).pid
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
        first = device.guest.primary()
        assert first is not None and device.guest.primary() == first
        for number in range(2000):
            device.guest.plug((64 + number % 64, 64))
        assert np.array_equal(viewed_picture(device), true_picture(device))
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: query(device).width == 64 + 1999 % 64)
        os.kill(pid, signal.SIGSTOP)


def test_signals_of_the_terminal_do_not_reach_the_guest() -> None:
    with in_process("gvt,size=64x64") as device:
        assert os.getsid(guest_of(device).pid) != os.getsid(0)


_OPENS = """
import sys, threading, time
from app.sim.profile import open_simulated
def open_and_wait():
    device = open_simulated("gvt,size=64x64", own_process=True)
    while device.flips_made() < 6:
        time.sleep(0.01)
    print(device.guest.pid, flush=True)
    time.sleep(60)
thread = threading.Thread(target=open_and_wait)
thread.run() if sys.argv[1] == "main" else thread.start()
"""


@pytest.mark.parametrize("thread", ["main", "another"])
def test_a_guest_ends_with_its_parent(thread: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _OPENS, thread], cwd=REPOSITORY, stdout=subprocess.PIPE, start_new_session=True
    )
    pid = 0
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if thread == "main":
            # Even a guest that cannot look at its socket ends.
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
        wait_until(lambda: _has_ended(pid))
    finally:
        parent.kill()
        parent.communicate()
        if pid and not _has_ended(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_a_guest_of_another_thread_survives_that_thread() -> None:
    opened: list[SimulatedDevice] = []
    thread = threading.Thread(target=lambda: opened.append(open_simulated("gvt,size=64x64,fps=50", own_process=True)))
    thread.start()
    thread.join()
    with closing(opened[0]) as device:
        made = device.flips_made()
        wait_until(lambda: device.flips_made() > made + 3)
        assert device.present()


def test_a_guest_that_cannot_start_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_guest, "_COMMAND", ("/bin/true",))
    with pytest.raises(OpenFailed, match="the process of the simulated guest has ended"):
        open_target(parse_target("sim:gvt,size=64x64"), options=OpenOptions(guest_process=True))


def test_a_guest_without_memory_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = ("/bin/sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *process_guest._COMMAND)
    monkeypatch.setattr(process_guest, "_COMMAND", limited)
    with pytest.raises(OpenFailed, match="File too large"):
        open_target(parse_target("sim:gvt,size=640x480"), options=OpenOptions(guest_process=True))


def test_a_time_without_fds_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel drops the fd of a message for which there is none left."""
    with in_process("gvt,size=64x64,fps=50") as device:

        def without_fd(connection: socket.socket) -> Message:
            message = receive(connection)
            if message.fd >= 0:
                os.close(message.fd)
            return replace(message, fd=-1)

        with monkeypatch.context() as patch:
            patch.setattr(process_guest, "receive", without_fd)
            device.guest.plug((128, 64))
            wait_until(lambda: device.guest.mode() == (128, 64))
            with refused(errno.EMFILE):
                query(device)
            with refused(errno.EMFILE):
                query(device)
        made = device.flips_made()

        def shows() -> bool:
            with suppress(OSError):
                return device.flips_made() > made + 6 and query(device).width == 128
            return False

        wait_until(shows)
        looks: list[tuple[Rgba, Rgba]] = []

        def looked() -> bool:
            # Each memory that was lost is asked for again when it is looked at.
            with suppress(OSError):
                looks.append(at_rest(device, viewed_picture))
            return bool(looks)

        wait_until(looked)
        seen, correct = looks[0]
        assert np.array_equal(seen, correct)


def test_a_closed_guest_has_no_planes_and_no_process() -> None:
    device = open_simulated("gvt,size=64x64", own_process=True)
    pid, guest = guest_of(device).pid, device.guest
    device.close()
    device.close()
    guest.close()
    assert guest.primary() is None and guest.cursor() is None and guest.picture() is None
    assert (guest.flips(), guest.flips_made()) == ([], 0)
    assert not Path(f"/proc/{pid}").exists()
