"""The monitor of the VM that a window shows: opened, replaced by another, and closed after the window."""

import logging
from contextlib import suppress

from app.errors import error_text
from app.vm.input_route import InputRoute, NoInput
from app.vm.monitor import ConnectionState, Monitor
from ui.window.main_window import MainWindow

_log = logging.getLogger(__name__)


class VmMonitor:
    """Owns the monitor that the window uses. No method waits for a VM.

    A monitor that is not used any more sends its remaining input and ends by itself, within about a second.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._monitor: Monitor | None = None
        self._logged: tuple[object, ...] = ()
        window.monitor_status_changed.connect(self._log_status)

    def set_route(self, route: InputRoute) -> None:
        """Send input by this route from now on."""
        if route.reason:
            self._replace(None, route.reason)
            return
        try:
            monitor = route.open(self._tell_changed)
        except (RuntimeError, OSError) as error:
            why = error_text(error) if isinstance(error, OSError) else error
            self._replace(None, f"nothing can be sent to the VM: {why}")
        else:
            self._replace(monitor, "", route.destination, route.manager)

    def set_none(self, reason: str) -> None:
        """From now on no input is sent, for this reason."""
        self.set_route(NoInput(reason))

    def close(self) -> None:
        """Stop sending input; more calls do nothing."""
        self._replace(None, "closed")

    def _replace(self, monitor: Monitor | None, reason: str, destination: str = "", manager: str = "") -> None:
        before, self._monitor = self._monitor, monitor
        # The window first: it tells the old monitor which keys to release.
        self._window.set_monitor(monitor, reason, destination, manager)
        # It may be ready already, and then nothing changes.
        self._log_status()
        if before is not None:
            before.close(wait=False)

    def _tell_changed(self) -> None:
        """Called on any thread, maybe after the window is gone."""
        with suppress(RuntimeError):
            self._window.monitor_status_changed.emit()

    def _log_status(self) -> None:
        """Log each change of the connection once."""
        status = self._monitor.status if self._monitor is not None else None
        logged = (status.state, status.detail) if status is not None else ()
        if status is not None and logged != self._logged and status.state is not ConnectionState.CONNECTING:
            _log.info("monitor: %s", status.detail or status.state.value)
        self._logged = logged
