"""What a window opens: the device that its user chose, and the VM that it waits for."""

from PyQt6.QtCore import QObject

from app.host.vgpu import Vgpu
from app.open.background import open_in_background, wait_in_background
from app.open.opening import OpenOptions
from app.open.target import Target
from ui.window.pending_session import PendingSession
from ui.window.window_options import WindowOptions

# At the end of the program: a helper that was asked for a VM's fds ends within this time.
_JOIN_S = 0.5


class Openings:
    """Owns at most one opening of each kind. No method but :meth:`join` waits for a thread.

    Both may run at once: the user may choose a device while a VM is waited for.
    """

    def __init__(self, options: WindowOptions, parent: QObject) -> None:
        """``parent`` is that of the :class:`PendingSession` objects."""
        self._options = options
        self._parent = parent
        self._chosen: PendingSession | None = None
        self._awaited: PendingSession | None = None
        # Those whose threads the end of the program waits for.
        self._closed: list[PendingSession] = []

    @property
    def chosen(self) -> PendingSession | None:
        """The opening of what the user chose; None while nothing is opened."""
        return self._chosen

    @property
    def awaited(self) -> PendingSession | None:
        """The opening of the VM that is waited for; None while none is."""
        return self._awaited

    def open(self, chosen: Vgpu | Target, *, alone: bool) -> PendingSession:
        """Open what the user chose, in place of what was chosen before. Raises OpenFailed where no thread starts.

        ``alone``: a vGPU that no VM uses is opened; it would be busy for a VM that is waited for.
        """
        self.stop_opening()
        opener = open_in_background(chosen, options=self._open_options(alone=alone))
        self._chosen = PendingSession(opener, self._parent)
        return self._chosen

    def wait(self, target: Target, *, soon: bool) -> PendingSession:
        """Wait for a VM. Raises OpenFailed where no thread starts. ``soon``: it was there a moment ago."""
        opener = wait_in_background(target, options=self._open_options(alone=True), soon=soon)
        self._awaited = PendingSession(opener, self._parent)
        return self._awaited

    def stop_opening(self) -> None:
        """Open no longer what the user chose; nothing where nothing is opened."""
        chosen, self._chosen = self._chosen, None
        _stop(chosen)

    def stop_waiting(self) -> None:
        """Wait for no VM any more; nothing where none is waited for."""
        awaited, self._awaited = self._awaited, None
        _stop(awaited)

    def close(self) -> None:
        """Stop everything. More calls do nothing."""
        self._closed += [each for each in (self._awaited, self._chosen) if each is not None]
        self.stop_waiting()
        self.stop_opening()

    def join(self) -> None:
        """Wait a short while for the threads of what :meth:`close` stopped."""
        closed, self._closed = self._closed, []
        for each in closed:
            each.join(_JOIN_S)

    def _open_options(self, *, alone: bool) -> OpenOptions:
        return OpenOptions(self._options.helper, alone=alone, qmp=self._options.qmp)


def _stop(pending: PendingSession | None) -> None:
    if pending is not None:
        pending.close()
        pending.deleteLater()
