"""Power actions of the window's VM: whether it can do them now, and what became of them."""

from collections.abc import Callable
from contextlib import suppress

from PyQt6.QtCore import QObject, pyqtSignal

from app.text.clean import clean_line
from app.vm.monitor import ConnectionState, Monitor, MonitorStatus, Reply
from app.vm.power import PowerAction, refusal

_LONGEST = 160


class Power(QObject):
    """Passes actions to a monitor, which belongs to the caller. No method waits for the VM.

    ``changed`` is emitted when :meth:`refusal` may have changed.
    """

    changed = pyqtSignal()
    # Emitted on the monitor's thread: Qt queues it for the window's.
    _answered = pyqtSignal(object, object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._monitor: Monitor | None = None
        self._reason = "there is no VM"
        self._status = MonitorStatus(ConnectionState.LOST)
        self._answered.connect(self._hand_over)

    def set_monitor(self, monitor: Monitor | None, reason: str) -> None:
        """Act on another VM, or for ``reason`` on none."""
        self._monitor, self._reason = monitor, reason
        self._status = MonitorStatus(ConnectionState.LOST)
        self.monitor_status_changed()

    def monitor_status_changed(self) -> None:
        """The monitor has a new status. Called in the window's thread."""
        if self._monitor is not None:
            status = self._monitor.status
            self._status = status.for_commands or status
        self.changed.emit()

    @property
    def has_monitor(self) -> bool:
        return self._monitor is not None

    @property
    def why_not(self) -> str:
        """Why the VM takes no action at all; empty if it does."""
        return clean_line(self._reason if self._monitor is None else self._status.why_not, _LONGEST)

    @property
    def run_state(self) -> str | None:
        """QEMU's word for the VM's state, None if it is not known."""
        return self._status.run_state if self._status.state is ConnectionState.READY else None

    def refusal(self, action: PowerAction) -> str:
        """Why the VM cannot do this now; empty if it can."""
        return self.why_not or refusal(action, self.run_state)

    def do(self, action: PowerAction, done: Callable[[str], None]) -> None:
        """Do it. ``done`` gets the error in words, empty for none; it is not called after another monitor was set."""
        monitor = self._monitor
        if monitor is None:
            done(self.why_not)
            return

        def answered(reply: Reply) -> None:
            # The window may be destroyed before its monitor has ended.
            with suppress(RuntimeError):
                self._answered.emit(monitor, done, reply)

        monitor.power(action, answered)

    def _hand_over(self, monitor: Monitor, done: Callable[[str], None], reply: Reply) -> None:
        if monitor is self._monitor:
            done(clean_line(reply.error or "", _LONGEST))
