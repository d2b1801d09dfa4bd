"""A keyboard on its thread, shared by the windows of this program that show screens of the same guest."""

import logging
import threading
from collections.abc import Callable

from app.vm.monitor import ConnectionState
from app.vm.shared import Shared
from app.xen.backend.backend_thread import BackendThread
from app.xen.backend.device import Device
from app.xen.keyboard.keyboard_backend import KeyboardBackend
from app.xen.keyboard.outgoing import Outgoing

_log = logging.getLogger(__name__)

_CLOSE_S = 0.5


class ServedKeyboard:
    """Owns the driver. Methods may be called on any thread but that of the backend."""

    def __init__(self, thread: BackendThread, device: Device, size: tuple[int, int]) -> None:
        self.outgoing = Outgoing()
        self.driver = KeyboardBackend(device, size, self.outgoing, self._tell)
        self._thread = thread
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        thread.add(self.driver)

    @property
    def is_usable(self) -> bool:
        return not self.driver.ended and not self._thread.ended

    def wake(self) -> None:
        """Something is to be sent."""
        self._thread.wake()

    def subscribe(self, changed: Callable[[], None]) -> None:
        """``changed`` is called on the backend's thread after each change of the driver's status."""
        with self._lock:
            self._listeners.append(changed)

    def unsubscribe(self, changed: Callable[[], None]) -> None:
        """It may be called once more while this runs."""
        with self._lock:
            self._listeners.remove(changed)

    def end(self) -> None:
        """Release what is pressed in the guest, and let its keyboard go. Takes half a second if it does not read."""
        self.outgoing.finish()
        if self.driver.status.state is ConnectionState.READY:
            self._thread.wake()
            self.outgoing.idle.wait(_CLOSE_S)
        self._thread.remove(self.driver)

    def _tell(self) -> None:
        with self._lock:
            listeners = tuple(self._listeners)
        for each in listeners:
            try:
                each()
            except Exception:
                # One window's fault must not take the keyboard from the others.
                _log.exception("a change of the guest's keyboard was not handled")


_SERVED: Shared[ServedKeyboard] = Shared(lambda served: served.is_usable, ServedKeyboard.end)


def take_keyboard(
    thread: BackendThread, device: Device, size: tuple[int, int]
) -> tuple[ServedKeyboard, Callable[[], None]]:
    """The keyboard, and what gives it back. ``thread`` serves its guest, and does so until it is given back."""
    return _SERVED.take((device.domid, device.number), lambda: ServedKeyboard(thread, device, size))
