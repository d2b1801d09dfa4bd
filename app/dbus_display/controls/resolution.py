"""Asks a guest for a resolution through ``SetUIInfo`` of QEMU's D-Bus display.

virtio-gpu tells it to the guest at once, as the size of its screen; a VFIO device with a display tells it by its EDID.
The guest decides. QEMU ignores values that it has already, and does not wait before it passes others on.
"""

import errno
import time
from collections.abc import Callable

from app.dbus_display.connection.vm_display import CallResult, ControlState, VmDisplay
from app.dbus_display.wire.names import CONSOLE, console_path
from app.edid.mode import DEFAULT_HZ, Limits, Mode, check_size
from app.errors import ResolutionRefused
from app.text.clean import clean_line

_UNSUPPORTED = "org.qemu.Display1.Error.Unsupported"
_PAUSE_NS = 200_000_000
"""The least time between two calls: each may cost the guest a mode switch."""
_LOOK_NS = 10_000_000
_MM_PER_INCH = 25.4
_MAX_MM = 0xFFFF
_REMEDY = "set the resolution inside the guest"


class UiInfoResolution:
    """A :class:`app.open.session.ResolutionControl`. Does not own the display.

    Whether a display device can be asked is known only after it was asked: ``step`` then raises ResolutionRefused.
    """

    def __init__(self, display: VmDisplay, console: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._display = display
        self._path = console_path(console)
        self._clock = clock
        self._refusal: ResolutionRefused | None = None
        self._wanted: tuple[Mode, float] | None = None
        self._asked: Mode | None = None
        self._called_at: int | None = None
        # Only the display's thread sets it, once for each call; None without a call that is not answered.
        self._result: list[CallResult] | None = None

    @property
    def refusal(self) -> ResolutionRefused | None:
        if self._refusal is None and self._display.properties(self._path, CONSOLE).get("Type") == "Text":
            self._refusal = ResolutionRefused("this screen is a text console of QEMU", "choose another screen")
        return self._refusal

    @property
    def limits(self) -> Limits:
        self._require()
        return Limits()

    def check(self, mode: Mode) -> None:
        self._require()
        try:
            check_size(mode, Limits())
        except ValueError as error:
            raise ResolutionRefused(f"cannot set {mode}: {error}", "choose a smaller mode") from error
        if mode.refresh_hz != DEFAULT_HZ:
            raise ResolutionRefused(f"cannot set {mode}: this VM is told a size, and no refresh rate", "give WxH alone")

    def is_set(self, mode: Mode) -> bool:
        """Whether the guest was asked for this size last. What others asked it for is not known."""
        self._require()
        return self._asked is not None and _size(self._asked) == _size(mode)

    def begin(self, mode: Mode, dpi: float) -> None:
        """The last mode wins: one that was not sent yet is dropped."""
        self._require()
        state = self._display.state
        if state.why_not:
            remedy = "take them back" if state is ControlState.TAKEN_OVER else ""
            raise ResolutionRefused(f"cannot set {mode}: {state.why_not}", remedy)
        self._wanted = (mode, dpi)

    def step(self) -> int | None:
        if self._result is not None:
            if not self._result:
                return _LOOK_NS
            (result,), self._result = self._result, None
            self._take(result)
        if self._wanted is None:
            return None
        now = self._clock()
        if self._called_at is not None and (left := self._called_at + _PAUSE_NS - now) > 0:
            return left
        self._called_at = now
        (mode, dpi), self._wanted = self._wanted, None
        self._asked = mode
        answer: list[CallResult] = []
        self._result = answer
        self._display.call(self._path, CONSOLE, "SetUIInfo", "qqiiuu", _arguments(mode, dpi), answer.append)
        return _LOOK_NS

    def finish(self) -> None:
        """What was not sent is dropped: a guest is never left without a screen."""
        self._wanted = None

    def _take(self, result: CallResult) -> None:
        """Raises ResolutionRefused if the VM refused, OSError if it did not answer."""
        if result.error is None:
            return
        self._asked = None
        name, text = result.error
        if name == _UNSUPPORTED:
            self._wanted = None
            self._refusal = ResolutionRefused("this VM's display device takes no resolution from outside", _REMEDY)
            raise self._refusal
        if name:
            raise ResolutionRefused(f"the VM refuses the resolution: {clean_line(text)}", _REMEDY)
        raise OSError(errno.ETIMEDOUT, clean_line(text))

    def _require(self) -> None:
        if (refusal := self.refusal) is not None:
            raise refusal


def _size(mode: Mode) -> tuple[int, int]:
    return (mode.width, mode.height)


def _arguments(mode: Mode, dpi: float) -> tuple[int, ...]:
    """Width and height in mm, the position among other screens, width and height in pixels."""
    mm = (min(_MAX_MM, max(1, round(each / max(dpi, 1.0) * _MM_PER_INCH))) for each in _size(mode))
    return (*mm, 0, 0, *_size(mode))
