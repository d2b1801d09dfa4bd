"""What a trace tells of the events that the kernel gives it. The kernel's part is tried in tests/lab."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from app.tracing.instance import TraceInstance
from app.tracing.ioctl_events import IoctlDecoder, IoctlEnd, IoctlEvent, IoctlStart
from app.tracing.ioctl_trace import IoctlTrace
from tests.unit.app.tracing import pages

QUERY = 0x3B72
OWN, OTHER, VCPU = 100, 200, 101
# After every start of time.monotonic_ns().
LATER_NS = 1 << 62


class FakeInstance:
    """Remembers what was written."""

    folder = Path("/nowhere")

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []
        self.closed = False

    def write(self, name: str, text: str) -> None:
        self.written.append((name.rpartition("/")[2], text))

    def close(self) -> None:
        self.closed = True


class Kernel:
    """Two CPUs' buffers: each message is what one read returns."""

    def __init__(self) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
        self.cpus = [ours for ours, _ in pairs]
        # A send into a full buffer fails the test instead of waiting.
        for each in (*self.cpus, *(theirs for _, theirs in pairs)):
            each.setblocking(False)
        self.instance = FakeInstance()
        decoder = IoctlDecoder(pages.START_FORMAT, pages.END_FORMAT)
        fds = [theirs.detach() for _, theirs in pairs]
        self.trace = IoctlTrace(cast(TraceInstance, self.instance), fds, decoder, lambda tid: tid != OTHER)

    def close(self) -> None:
        self.trace.close()
        for each in self.cpus:
            each.close()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


def _read(kernel: Kernel) -> tuple[IoctlEvent, ...]:
    return kernel.trace.read().events


def test_nothing_is_waited_for(kernel: Kernel) -> None:
    assert kernel.trace.read().events == ()


def test_events_of_all_cpus_come_in_order_and_only_those_of_the_process(kernel: Kernel) -> None:
    kernel.cpus[0].send(
        pages.page(10, pages.event(0, pages.start(OWN, 9, QUERY)), pages.event(9, pages.start(OWN, 9, QUERY)))
    )
    kernel.cpus[1].send(
        pages.page(12, pages.event(0, pages.start(OTHER, 9, QUERY)), pages.event(1, pages.start(VCPU, 3, QUERY)))
    )
    assert [(each.time_ns, each.tid) for each in _read(kernel)] == [(10, OWN), (13, VCPU), (19, OWN)]


def test_ends_are_traced_of_threads_that_call_and_never_mistaken(kernel: Kernel) -> None:
    """The end of the first call is not traced: the next end of that thread is another ioctl's."""
    kernel.cpus[0].send(pages.page(10, pages.event(0, pages.start(OWN, 9, QUERY))))
    assert _read(kernel) == (IoctlStart(10, OWN, 9, QUERY),)
    assert kernel.instance.written == [("filter", f"common_pid == {OWN}"), ("enable", "1")]
    kernel.cpus[0].send(
        pages.page(
            LATER_NS,
            pages.event(0, pages.end(OWN, 0)),
            pages.event(1, pages.start(OWN, 9, QUERY)),
            pages.event(1, pages.end(OWN, -22)),
            pages.event(1, pages.end(OWN, 0)),
        )
    )
    assert _read(kernel) == (IoctlStart(LATER_NS + 1, OWN, 9, QUERY), IoctlEnd(LATER_NS + 2, OWN, -22))


def test_a_process_with_many_threads_does_not_fill_the_filter(kernel: Kernel) -> None:
    for tid in range(1000, 1100):
        kernel.cpus[0].send(pages.page(tid, pages.event(0, pages.start(tid, 9, QUERY)), size=96))
    assert len(kernel.trace.read(64).events) == 64
    assert len(kernel.trace.read(64).events) == 36
    assert kernel.instance.written[0][1].count("==") == 16
    assert len(kernel.instance.written) == 2


def test_a_process_with_ever_new_threads_takes_no_more_memory(kernel: Kernel) -> None:
    for first in range(1000, 20_000, 500):
        events = (pages.event(0, pages.start(tid, 9, QUERY)) for tid in range(first, first + 500))
        kernel.cpus[0].send(pages.page(first, *events, size=1 << 15))
        kernel.trace.read()
    assert max(len(kernel.trace._own), len(kernel.trace._began)) <= 4096


def test_lost_events_are_counted(kernel: Kernel) -> None:
    kernel.cpus[0].send(pages.page(10, lost=7))
    kernel.cpus[1].send(pages.page(10, lost=None))
    assert kernel.trace.read().lost == 8


def test_a_limited_read_leaves_the_rest(kernel: Kernel) -> None:
    for number in range(5):
        kernel.cpus[0].send(pages.page(number, pages.event(0, pages.start(OWN, 9, QUERY))))
    assert len(kernel.trace.read(2).events) == 2
    assert len(kernel.trace.read().events) == 3


def test_close_closes_the_files_and_then_the_instance_once(kernel: Kernel) -> None:
    kernel.trace.close()
    kernel.trace.close()
    assert kernel.instance.closed
    assert kernel.trace.read().events == ()
