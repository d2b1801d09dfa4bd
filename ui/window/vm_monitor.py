"""The monitor of the VM in a window: opened, exchanged for another, and closed after the window."""

import logging

from app.host.vm import Vm
from app.open.source import Source
from app.qemu.qmp_address import QmpAddress
from app.vm.monitor import ConnectionState, Monitor
from ui.window.main_window import MainWindow

_log = logging.getLogger(__name__)


class VmMonitor:
    """Owns what the window only uses. More calls of :meth:`close` do nothing."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._monitor: Monitor | None = None
        self._leaving: Monitor | None = None
        self._told: tuple[object, ...] = ()
        window.monitor_status_changed.connect(self._tell)

    def open(self, address: QmpAddress) -> None:
        """From now on input goes to the VM that listens at ``address``, as soon as it answers."""
        from app.vm.qmp import open_monitor  # noqa: PLC0415  (asyncio is for those who have a VM)

        self._exchange(open_monitor(address, self._window.monitor_status_changed.emit), "")

    def follow(self, source: Source, qmp: QmpAddress | None) -> None:
        """Open the monitor of a source's VM: where the user said, else where its command line says."""
        if qmp is not None:
            self.open(qmp)
        elif source.vm is not None:
            self._find(source.vm)
        elif source.vgpu is not None and source.vgpu.simulated:
            self.none("a simulated device takes no input")
        else:
            self.none("no VM is known to have this device")

    def _find(self, vm: Vm) -> None:
        from app.vm.monitor_lookup import NoMonitor, find_monitor, open_found  # noqa: PLC0415

        found = find_monitor(vm)
        if isinstance(found, NoMonitor):
            self.none(found.reason)
        else:
            self._exchange(open_found(found, vm, self._window.monitor_status_changed.emit), "")

    def none(self, reason: str) -> None:
        """From now on input goes nowhere, and why."""
        self._exchange(None, reason)

    def close(self) -> None:
        self._exchange(None, "closed")
        if self._leaving is not None:
            self._leaving.close()

    def _exchange(self, monitor: Monitor | None, reason: str) -> None:
        before, self._monitor = self._monitor, monitor
        # First the window, which tells the old one what is to be released.
        self._window.set_monitor(monitor, reason)
        if before is not None:
            if self._leaving is not None:
                self._leaving.close()
            # A VM that does not answer takes its time to leave, and the window has another to show.
            before.close(wait=False)
            self._leaving = before

    def _tell(self) -> None:
        """Once to the log for each turn that the link takes."""
        link = self._monitor.status if self._monitor is not None else None
        told = (link.state, link.detail) if link is not None else ()
        if link is not None and told != self._told and link.state is not ConnectionState.CONNECTING:
            _log.info("monitor: %s", link.detail or link.state.value)
        self._told = told
