"""When a picture was on the screen, as the compositor tells it: the Wayland protocol presentation-time.

Qt does not know the protocol (``wp_presentation`` of wayland-protocols, stable), but its connection can be used, as in
:mod:`ui.window.wayland.wayland_grab`. A request for feedback belongs to the next commit of the surface, which
eglSwapBuffers makes. So it is made while the picture is drawn. The answer is an event; nothing waits for it.

The surface is Qt's ``winId()``: the address of the wl_surface in newer versions of Qt 6 (checked with 6.11), and a
small number in older ones, which have no presentation times here.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from ctypes import Array
from functools import partial

from ui.window.wayland.wayland_client import LEAST_ADDRESS, Library, interface, wl_argument
from ui.window.wayland.wayland_grab import qt_display

_log = logging.getLogger(__name__)

_PRESENTATION = interface("wp_presentation", [("destroy", ""), ("feedback", "on")], [("clock_id", "u")])
_FEEDBACK = interface(
    "wp_presentation_feedback", [], [("sync_output", "o"), ("presented", "uuuuuuu"), ("discarded", "")]
)

# Opcodes of the core protocol (wayland.xml) and of presentation-time.xml.
_DISPLAY_SYNC, _DISPLAY_GET_REGISTRY, _REGISTRY_BIND = 0, 1, 0
_REQUEST_FEEDBACK, _DESTROY = 1, 0
_PRESENTED, _DISCARDED = 1, 2
# The arguments of ``presented``: time (three), refresh, count of frames (two), flags.
_WORDS, _FLAGS_AT = 7, 6

FLAGS = {"vsync": 1, "hw_clock": 2, "hw_completion": 4, "zero_copy": 8}
"""The flags of an answer (presentation-time.xml, ``wp_presentation_feedback.kind``)."""

# A compositor answers for a commit at the latest when the next one replaces it. One that leaves so many unanswered
# never answers, such as the headless one of wlroots 0.15, which sway 1.7 has.
_MOST_IN_FLIGHT = 16
_SECOND = 1_000_000_000
# Clocks of which a compositor may tell the time. All others are of processes, threads or devices.
_CLOCKS = {
    time.CLOCK_REALTIME: "realtime",
    time.CLOCK_MONOTONIC: "monotonic",
    # Weston's, where no hardware tells the time.
    time.CLOCK_MONOTONIC_RAW: "monotonic_raw",
    time.CLOCK_BOOTTIME: "boottime",
}

Presented = Callable[[int, int | None], object]
"""Gets the number of a picture and when it was on the screen, in nanoseconds of CLOCK_MONOTONIC; None if it was not, or
if the compositor told no valid time."""


def presented_ns(words: Sequence[int]) -> int | None:
    """The time of a ``presented`` event, by its first three arguments; None if they are no time."""
    high, low, nanoseconds = words[:3]
    if nanoseconds >= _SECOND:
        return None
    return ((high << 32) | low) * _SECOND + nanoseconds


def to_monotonic(ns: int, clock: int) -> int | None:
    """The time of ``clock`` (clock_gettime(2)) as one of CLOCK_MONOTONIC; None if the clock is not known.

    Other clocks run at slightly different rates, and some are set: the result is exact only for a time that is near.
    """
    if clock == time.CLOCK_MONOTONIC:
        return ns
    if clock not in _CLOCKS:
        return None
    return ns + time.monotonic_ns() - time.clock_gettime_ns(clock)


def is_plausible(ns: int, asked_ns: int, now_ns: int) -> bool:
    """Whether a picture that was asked for at ``asked_ns`` may have been shown then.

    A compositor is another program. It may tell a time that it predicted, but none before the picture was submitted.
    """
    return asked_ns <= ns <= now_ns + _SECOND


def wayland_presentation() -> "WaylandPresentation | None":
    """None on other platforms, and if Qt or the library is too old."""
    try:
        display = qt_display()
        return WaylandPresentation(Library(), display) if display is not None else None
    except (AttributeError, TypeError, OSError) as error:
        _log.info("no presentation times on Wayland: %s", error)
        return None


class WaylandPresentation:
    """Asks for the presentation times of pictures on Qt's connection.

    ``counts`` has the number of answers by "presented", "discarded" and "invalid", and by the names in :data:`FLAGS`.
    """

    def __init__(self, library: Library, display: int) -> None:
        self._library, self._display = library, display
        self._manager = 0
        self._clock: int | None = None
        # The objects that an answer ends.
        self._asked: set[int] = set()
        self._announced = self._closed = False
        self.counts: Counter[str] = Counter()
        self._registry = library.create(
            display, _DISPLAY_GET_REGISTRY, library.core("wl_registry"), 0, handler=self._offered
        )
        self._sync = library.create(display, _DISPLAY_SYNC, library.core("wl_callback"), 0, handler=self._synced)
        library.flush(display)

    @property
    def usable(self) -> bool | None:
        """Whether presentation times are told; None as long as the compositor has not said what it offers."""
        if self._closed:
            return False
        if not self._announced:
            return None
        return self._manager != 0

    @property
    def clock(self) -> str | None:
        """The compositor's clock, by its name in clock_gettime(2); None if it is not known."""
        return _CLOCKS.get(self._clock) if self._clock is not None else None

    def request(self, surface: int, number: int, presented: Presented) -> bool:
        """Ask when the next commit of a surface, picture ``number``, is shown.

        Returns whether ``presented`` will be called, unless the window is hidden or closed meanwhile.
        """
        if not self.usable:
            return False
        if surface < LEAST_ADDRESS:
            _log.info("no presentation times on Wayland: this version of Qt does not tell its surface")
            self.close()
            return False
        if len(self._asked) >= _MOST_IN_FLIGHT:
            _log.info("no presentation times on Wayland: the compositor does not answer")
            self.close()
            return False
        try:
            feedback = self._library.create(self._manager, _REQUEST_FEEDBACK, _FEEDBACK, surface, 0)
        except OSError as error:
            _log.info("no presentation times on Wayland: %s", error)
            self.close()
            return False
        self._asked.add(feedback)
        self._library.listen(feedback, partial(self._answered, feedback, number, time.monotonic_ns(), presented))
        return True

    def close(self) -> None:
        """Destroy all objects on Qt's connection; more calls do nothing. No answer comes after this."""
        self._closed = True
        asked, self._asked = self._asked, set()
        registry, self._registry = self._registry, 0
        sync, self._sync = self._sync, 0
        for proxy in (*asked, sync, registry):
            if proxy:
                self._library.destroy(proxy, None)
        manager, self._manager = self._manager, 0
        if manager:
            self._library.destroy(manager, _DESTROY)
        self._library.flush(self._display)

    def _offered(self, opcode: int, arguments: "Array[wl_argument]") -> None:
        """The compositor has announced a global: its number, interface and version."""
        if opcode == 0 and arguments[1].s == _PRESENTATION.name and not self._manager:
            self._manager = self._library.create(
                self._registry,
                _REGISTRY_BIND,
                _PRESENTATION,
                arguments[0].u,
                _PRESENTATION.name,
                1,
                0,
                version=1,
                handler=self._clock_told,
            )

    def _synced(self, _opcode: int, _arguments: "Array[wl_argument]") -> None:
        """Every global was announced. The event also ends its object."""
        sync, self._sync = self._sync, 0
        self._library.destroy(sync, None)
        self._announced = True

    def _clock_told(self, opcode: int, arguments: "Array[wl_argument]") -> None:
        if opcode == 0:
            self._clock = arguments[0].u

    def _answered(
        self,
        feedback: int,
        number: int,
        asked_ns: int,
        presented: Presented,
        opcode: int,
        arguments: "Array[wl_argument]",
    ) -> None:
        if opcode not in (_PRESENTED, _DISCARDED):
            return
        # Either event ends the object.
        self._asked.discard(feedback)
        self._library.destroy(feedback, None)
        ns = None
        if opcode == _DISCARDED:
            self.counts["discarded"] += 1
        else:
            ns = self._shown_ns([arguments[index].u for index in range(_WORDS)], asked_ns)
        presented(number, ns)

    def _shown_ns(self, words: Sequence[int], asked_ns: int) -> int | None:
        """The time that a ``presented`` event tells, counted with its flags; None if it cannot be true."""
        ns = presented_ns(words)
        if ns is not None and self._clock is not None:
            ns = to_monotonic(ns, self._clock)
        if ns is None or self._clock is None or not is_plausible(ns, asked_ns, time.monotonic_ns()):
            self.counts["invalid"] += 1
            return None
        self.counts["presented"] += 1
        for name, bit in FLAGS.items():
            self.counts[name] += bool(words[_FLAGS_AT] & bit)
        return ns
