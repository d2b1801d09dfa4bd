"""Monitors of fake VMs, for the tests of this folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.input.event import Event, Key, qmp_object
from app.qemu.qmp_address import QmpAddress, UnixAddress
from app.vm.monitor import ConnectionState
from app.vm.monitor_connection import MonitorConnection
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.qmp import open_monitor

A = [Key("a", True), Key("a", False)]
# For tests that wait until a time limit has passed.
QUICK = MonitorTimeouts(connect=0.05, reply=0.05, retry_delays=(0.01,), query_interval=0.01)
# No time limit passes, however slow the machine is.
CALM = MonitorTimeouts(connect=600, reply=600, retry_delays=(0.01,), query_interval=600)


@contextmanager
def monitor(address: QmpAddress | Path, timeouts: MonitorTimeouts = CALM) -> Iterator[MonitorConnection]:
    where = UnixAddress(str(address)) if isinstance(address, Path) else address
    connection = open_monitor(where, lambda: None, timeouts)
    try:
        yield connection
    finally:
        connection.close()


def ready(connection: MonitorConnection) -> bool:
    return connection.status.state is ConnectionState.READY


def lost(connection: MonitorConnection) -> bool:
    return connection.status.state is ConnectionState.LOST


def in_json(*events: Event) -> list[object]:
    return [qmp_object(each) for each in events]
