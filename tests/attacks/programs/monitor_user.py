"""A program with a VM's monitor, until Ctrl-C: ``python -m ... SOCKET``. It prints each state of the connection.

After a line of input it types a key, and then closes the monitor as a window does.
"""

import sys
import threading
from contextlib import suppress

from app.input.event import Key
from app.qemu.qmp_address import UnixAddress
from app.vm.monitor_timeouts import MonitorTimeouts
from app.vm.qmp import open_monitor

opened = threading.Event()


def changed() -> None:
    opened.wait()
    print(monitor.status.state.value, monitor.status.detail, flush=True)


timeouts = MonitorTimeouts(reply=0.5, query_interval=0.1)
monitor = open_monitor(UnixAddress(sys.argv[1]), changed, timeouts)
opened.set()
with suppress(KeyboardInterrupt):
    sys.stdin.readline()
monitor.send([Key("a", True), Key("a", False)])
monitor.close(wait=False)
