"""A VM that is being shut down, seen from its window: the guest is asked, and only the user decides about force."""

import time
from collections.abc import Callable
from functools import partial
from signal import SIGKILL, SIGTERM

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from app.errors import error_text
from app.vm.child import Child
from app.vm.power import PowerAction
from app.vm.shutdown_sequence import ShutdownSequence, ShutdownStep, ShutdownTimeouts
from ui.window.machine.power import Power

_INTERVAL_MS = 250
_NS = 1_000_000_000


class VmShutdown(QObject):
    """Runs a :class:`ShutdownSequence` on Qt's event loop. No method waits.

    ``changed`` is emitted when its texts may have changed, ``notice`` at an end that the user would not see otherwise.
    ``process`` is the VM's, if this program started it. ``last_step`` is the last step that was done.
    """

    changed = pyqtSignal()
    notice = pyqtSignal(str)

    def __init__(
        self,
        parent: QObject,
        power: Power,
        timeouts: ShutdownTimeouts | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(parent)
        self.process: Child | None = None
        self.last_step: ShutdownStep | None = None
        self._power = power
        self._timeouts = timeouts
        self._clock = clock
        self._sequence: ShutdownSequence | None = None
        self._why = ""
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._advance)
        power.changed.connect(self._on_power_changed)

    @property
    def active(self) -> bool:
        """Whether the VM is being shut down."""
        return self._sequence is not None

    @property
    def forcing(self) -> bool:
        """Whether the user has forced it off, so that nothing else can be chosen."""
        return self.active and self.last_step not in (None, ShutdownStep.POWERDOWN)

    @property
    def can_ask_again(self) -> bool:
        """Whether the guest did not power off, and can be asked once more."""
        waits = self._sequence is not None and self._sequence.waits_for_force
        return waits and not self._power.refusal(PowerAction.POWERDOWN)

    @property
    def title(self) -> str:
        """The state in a few words, for the title of the window."""
        if self._sequence is None:
            return ""
        if self._sequence.waits_for_force:
            return "not shut down"
        return f"{'forcing off' if self.forcing else 'shutting down'}… {self._left()}"

    @property
    def text(self) -> str:
        """The state in a sentence."""
        if self._sequence is None:
            return ""
        if self._sequence.waits_for_force:
            return f"Not shut down: {self._why}"
        if self.forcing:
            return f"Forcing off… {self._left()}"
        return f"Shutting down… {self._left()}. The guest was asked to power off."

    def begin(self) -> None:
        """Ask the guest to power off, also once more."""
        power = self._power
        self.last_step, self._why = None, ""
        self._sequence = ShutdownSequence(
            not power.why_not, self.process is not None, power.run_state, self._timeouts, forces=False
        )
        self._timer.start()
        self._advance()

    def force(self) -> None:
        """End the VM now, without asking the guest any more."""
        if self._sequence is None:
            self.begin()
        if self._sequence is not None:
            self._sequence.skip_wait()
            self._advance()

    def stop(self) -> None:
        """Follow it no more. A guest that was asked may still power off."""
        self._sequence = None
        self._timer.stop()
        self.changed.emit()

    def _advance(self) -> None:
        sequence = self._sequence
        if sequence is None:
            return
        ended = self.process is not None and self.process.poll() is not None
        progress = sequence.advance(self._clock(), ended)
        if progress.step is not None:
            self.last_step = progress.step
            self._do(progress.step)
        elif progress.over:
            self.stop()
            if not ended:
                self._tell(progress.message)
            return
        elif progress.message:
            self._why = self._reason(progress.message)
        self.changed.emit()

    def _do(self, step: ShutdownStep) -> None:
        match step:
            case ShutdownStep.POWERDOWN | ShutdownStep.QUIT:
                action = PowerAction.POWERDOWN if step is ShutdownStep.POWERDOWN else PowerAction.FORCE_OFF
                self._power.do(action, partial(self._step_done, self._sequence, step))
            case ShutdownStep.TERMINATE | ShutdownStep.KILL:
                assert self.process is not None
                try:
                    self.process.send(SIGTERM if step is ShutdownStep.TERMINATE else SIGKILL)
                except OSError as error:
                    self._step_done(self._sequence, step, error_text(error))

    def _reason(self, message: str) -> str:
        """Why the guest does not power off. ``message`` is the sequence's, which does not know the monitor."""
        if self.last_step is not None:
            return message
        if self._power.why_not:
            return f"the guest cannot be asked to power off: {self._power.why_not}"
        return self._power.refusal(PowerAction.POWERDOWN) or message

    def _step_done(self, sequence: ShutdownSequence | None, step: ShutdownStep, error: str) -> None:
        if error and sequence is not None and sequence is self._sequence:
            sequence.step_failed(step, error)
            # Later: it may be called by the step itself.
            QTimer.singleShot(0, self._advance)

    def _on_power_changed(self) -> None:
        if self._sequence is None:
            return
        if self.process is None and not self._power.has_monitor:
            # The VM has ended, or another one is shown.
            self.stop()
        elif self._power.run_state == "shutdown":
            if self.process is None:
                # Whoever started this VM decides whether its process goes on.
                self.stop()
                self._tell("the guest is off")
            else:
                self._sequence.guest_off()
                self._advance()
        else:
            self.changed.emit()

    def _tell(self, text: str) -> None:
        self.notice.emit(f"{text[:1].upper()}{text[1:]}")

    def _left(self) -> str:
        """The time until the next step, in whole seconds."""
        due = self._sequence.due if self._sequence is not None else None
        if due is None:
            return ""
        return f"{max(0, -(-(due - self._clock()) // _NS))} s left"
