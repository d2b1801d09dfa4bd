"""The frame source of one console of a VM."""

from collections.abc import Callable

from app.dbus_display.connection.vm_display import VmDisplay
from app.dbus_display.picture.console_listener import ConsoleListener
from app.dbus_display.picture.held_buffers import OwnedBuffer
from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts
from app.planes.frame import Frame
from app.planes.status import Status
from app.planes.wake_up import WakeUp


class ConsoleSource:
    """A :class:`app.planes.frame_source.FrameSource` of the frames that the VM pushes.

    The constructor registers for the console; it raises ValueError if that was done before, and OSError. ``release``
    gives ``display`` back; it is called once, at the end.
    """

    tells_damage = True

    def __init__(self, display: VmDisplay, console: int, release: Callable[[], None]) -> None:
        self._display = display
        self._console = console
        self._release = release
        self._wake_up = WakeUp()
        self._listener = ConsoleListener(self._wake_up.set, lambda: display.register_again(console))
        self._frame, _ = self._listener.frame()
        self._closed = False
        try:
            display.listen(console, self._listener)
        except BaseException:
            self._wake_up.close()
            raise

    def latest(self) -> Frame:
        if self._closed:
            return self._frame
        self._wake_up.clear()
        self._frame, retired = self._listener.frame()
        _release_all(retired)
        return self._frame

    def fileno(self) -> int:
        return self._wake_up.fd

    def shown(self, frame: Frame, ns: int) -> None:
        if self._listener.shown(frame):
            self._display.wake()

    def release_buffers(self) -> None:
        """Release every buffer. Later frames have others of the same memory, because the VM sends nothing again."""
        if not self._closed:
            _release_all(self._listener.renew_buffers())
            self._wake_up.set()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._display.unlisten(self._console)
        _release_all(self._listener.close())
        self._wake_up.close()
        self._release()

    def ended(self) -> Status | None:
        """Why no more frames will come; None while some may."""
        return self._listener.ended()

    def display_facts(self) -> DisplayFacts:
        """What was seen on the connection."""
        return self._listener.display_facts()

    def buffers(self) -> tuple[BufferFacts, ...]:
        """The buffers that are held now."""
        return self._listener.buffer_facts()


def _release_all(buffers: list[OwnedBuffer]) -> None:
    for each in buffers:
        each.release()
