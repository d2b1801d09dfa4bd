"""A VM's D-Bus display that a test plays: it answers when the test says so."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from app.dbus_display.connection.vm_display import CallResult, ControlState, VmDisplay
from app.dbus_display.wire.names import CONSOLE, KEYBOARD, MOUSE, MULTI_TOUCH, console_path

Done = Callable[[CallResult], None]


class FakeControls(VmDisplay):
    """``calls`` are those that were made: member and arguments. ``answers`` is False while the VM is busy."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers = True
        self.error: Callable[[str], tuple[str, str] | None] = lambda _member: None
        self.retaken = 0
        self.known: dict[tuple[str, str], dict[str, Any]] = {
            (console_path(0), CONSOLE): {"Width": 800, "Height": 600, "Type": "Graphic"},
            (console_path(0), KEYBOARD): {"Modifiers": 0},
            (console_path(0), MOUSE): {"IsAbsolute": True},
            (console_path(0), MULTI_TOUCH): {"MaxSlots": 10},
        }
        self._state = ControlState.CONNECTED
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, Done]] = deque()
        self._changed: list[Callable[[], None]] = []

    @property
    def state(self) -> ControlState:
        with self._lock:
            return self._state

    def properties(self, path: str, interface: str) -> Mapping[str, Any]:
        with self._lock:
            return dict(self.known.get((path, interface), {}))

    def change(self, interface: str, **values: Any) -> None:
        """The VM tells new values of properties of its first console."""
        with self._lock:
            self.known.setdefault((console_path(0), interface), {}).update(values)
        self._tell()

    def set_state(self, state: ControlState) -> None:
        """The control connection ends, or is there again. Calls without an answer fail."""
        with self._lock:
            self._state = state
            failed = list(self._waiting) if state is not ControlState.CONNECTED else []
            if failed:
                self._waiting.clear()
        for _, done in failed:
            done(CallResult(error=("", "the connection has ended")))
        self._tell()

    def _tell(self) -> None:
        for changed in tuple(self._changed):
            changed()

    def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: tuple[Any, ...] = (),
        done: Done | None = None,
    ) -> None:
        with self._lock:
            if self._state is not ControlState.CONNECTED:
                result: CallResult | None = CallResult(error=("", "the connection has ended"))
            else:
                self.calls.append((member, *body))
                self._waiting.append((member, done or (lambda _: None)))
                result = None
            answers = self.answers
        if result is not None:
            if done is not None:
                done(result)
        elif answers:
            self.answer()

    def answer(self, count: int | None = None) -> None:
        """Answer the first calls that wait, or all."""
        while True:
            with self._lock:
                if not self._waiting or count == 0:
                    return
                member, done = self._waiting.popleft()
                number = len(self.calls)
            count = count - 1 if count is not None else None
            done(CallResult(error=self.error(member), sent_ns=number * 1000, received_ns=number * 1000 + 500))

    @property
    def waiting(self) -> int:
        """How many calls have no answer."""
        return len(self._waiting)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._changed.append(changed)
        return lambda: self._changed.remove(changed)

    @property
    def subscribers(self) -> int:
        return len(self._changed)

    def retake(self, refused: Callable[[str], None] = lambda _why: None) -> None:
        self.retaken += 1
        self.refused = refused
