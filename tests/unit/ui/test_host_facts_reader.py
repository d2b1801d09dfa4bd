"""Reading the host's facts beside the window."""

import threading

import pytest

from app.diagnosis.picture.host_facts import HostFacts, VmFacts
from ui.host_facts_reader import HostFactsReader

S = 1_000_000_000
_PATIENCE_S = 10.0


class Host:
    """A host whose read waits until the test lets it go on."""

    def __init__(self) -> None:
        self.now = 0
        self.reads = 0
        self.threads: list[threading.Thread] = []
        self.go_on = threading.Event()
        self.error: Exception | None = None

    def clock(self) -> int:
        return self.now

    def read(self) -> HostFacts:
        self.reads += 1
        self.threads.append(threading.current_thread())
        assert self.go_on.wait(_PATIENCE_S)
        if self.error is not None:
            raise self.error
        return HostFacts(VmFacts(self.reads))

    def finish(self) -> None:
        """Let the read that runs end."""
        self.go_on.set()
        self.threads[-1].join(_PATIENCE_S)
        self.go_on.clear()


def started(host: Host, reader: HostFactsReader, reads: int) -> HostFacts:
    facts = reader.latest(host.read, 3.0)
    while host.reads < reads:
        pass
    return facts


def test_no_call_waits_and_one_read_runs_at_a_time_and_not_too_often() -> None:
    host = Host()
    reader = HostFactsReader(host.clock)
    assert started(host, reader, 1) == HostFacts()
    host.now = 9 * S
    assert reader.latest(host.read, 3.0) == HostFacts()
    assert host.reads == 1, "the first read still runs"
    host.finish()
    assert host.threads[0] is not threading.current_thread()
    assert started(host, reader, 2) == HostFacts(VmFacts(1))
    host.finish()
    host.now = 11 * S
    assert reader.latest(host.read, 3.0) == HostFacts(VmFacts(2))
    assert host.reads == 2, "less than three seconds since the last one began"
    reader.close()
    reader.close()


def test_what_was_read_of_another_session_is_not_used() -> None:
    host = Host()
    reader = HostFactsReader(host.clock)
    started(host, reader, 1)
    reader.forget()
    host.finish()
    assert started(host, reader, 2) == HostFacts()
    host.finish()
    assert reader.latest(host.read, 3.0) == HostFacts(VmFacts(2))
    reader.close()


def test_a_read_that_fails_leaves_what_is_known(caplog: pytest.LogCaptureFixture) -> None:
    host = Host()
    host.error = OSError("no /proc")
    reader = HostFactsReader(host.clock)
    with caplog.at_level("INFO"):
        started(host, reader, 1)
        host.finish()
    assert reader.latest(host.read, 3.0) == HostFacts()
    assert "no /proc" in caplog.text
    caplog.clear()
    reader.close()


def test_facts_that_nobody_asked_for_in_the_meantime_are_not_those_of_now() -> None:
    host = Host()
    reader = HostFactsReader(host.clock)
    started(host, reader, 1)
    host.finish()
    host.now = 10 * S
    assert started(host, reader, 2) == HostFacts(VmFacts(1))
    host.finish()
    host.now = 3600 * S
    assert started(host, reader, 3) == HostFacts(), "the VM may have been paused an hour ago, and run now"
    host.finish()
    assert reader.latest(host.read, 3.0) == HostFacts(VmFacts(3))
    reader.close()
