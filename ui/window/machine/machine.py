"""The Machine menu's power actions, the shutting down of a VM, and the question when the window of one is closed."""

from collections.abc import Callable, Mapping
from functools import partial

from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMessageBox

from app.vm.child import Child
from app.vm.monitor import Monitor
from app.vm.power import PowerAction
from app.vm.shutdown_sequence import ShutdownStep
from ui.window.machine.power import Power
from ui.window.machine.power_rows import PowerRows
from ui.window.machine.questions import (
    Answer,
    Question,
    about_closing,
    about_closing_again,
    about_closing_of_another,
    about_force_off,
    about_reset,
    ask,
)
from ui.window.machine.shutdown_bar import ShutdownBar
from ui.window.machine.vm_shutdown import VmShutdown

_DONE = {
    PowerAction.RESET: "The VM was reset",
    PowerAction.PAUSE: "The VM is paused",
    PowerAction.RESUME: "The VM goes on",
    PowerAction.FORCE_OFF: "The VM was forced off",
}
_FAILED = {
    PowerAction.RESET: "The VM was not reset",
    PowerAction.PAUSE: "The VM was not paused",
    PowerAction.RESUME: "The VM does not go on",
    PowerAction.FORCE_OFF: "The VM was not forced off",
}


class Machine(QObject):
    """Belongs to a window. ``changed``: :attr:`title` may have changed. ``notice`` carries a line for the user.

    ``left_running``: the user closed the window and wants the VM to go on. ``asking`` is emitted before a question is
    shown, so that the guest lets go of keyboard and pointer.
    """

    changed = pyqtSignal()
    notice = pyqtSignal(str)
    asking = pyqtSignal()

    def __init__(self, window: QMainWindow, name: Callable[[], str]) -> None:
        super().__init__(window)
        self.left_running = False
        self._window = window
        self._name = name
        self._power = Power(self)
        self._shutdown = VmShutdown(self, self._power)
        self._bar = ShutdownBar(window)
        window.addToolBar(Qt.ToolBarArea.TopToolBarArea, self._bar)
        self._rows: PowerRows | None = None
        self._question: QMessageBox | None = None
        # The VM that this program started, and whether the window may be closed without a question.
        self._started: Child | None = None
        self._closes_freely: Callable[[], bool] = lambda: True
        self._bar.forced.connect(self._shutdown.force)
        self._bar.asked_again.connect(self._shutdown.begin)
        self._bar.dismissed.connect(self._shutdown.stop)
        self._shutdown.notice.connect(self.notice)
        self._shutdown.changed.connect(self._show)
        self._power.changed.connect(self._show)

    def handlers(self) -> Mapping[str, Callable[..., object]]:
        """What the rows of the menu call, by their keys in :mod:`ui.window.actions.actions`."""
        return {
            "power-down": self._shutdown.begin,
            "reset": lambda: self._ask(about_reset(self._name()), self._on_reset),
            "pause": lambda: self._do(PowerAction.PAUSE),
            "resume": lambda: self._do(PowerAction.RESUME),
            "force-off": self._force_off,
        }

    def set_actions(self, actions: Mapping[str, QAction]) -> None:
        """The rows of the menu, by their keys."""
        self._rows = PowerRows(actions)
        self._show()

    def set_monitor(self, monitor: Monitor | None, reason: str) -> None:
        """Act on another VM, or for ``reason`` on none. The caller owns the monitor."""
        # What was begun or asked was for the VM before: an answer must not reach this one.
        if self._question is not None:
            self._question.reject()
        self._shutdown.stop()
        self._shutdown.process = None
        self._power.set_monitor(monitor, reason)

    def monitor_status_changed(self) -> None:
        self._power.monitor_status_changed()

    def own(self, process: Child, closes_freely: Callable[[], bool]) -> None:
        """This program started the VM that is shown, as ``process``.

        While the VM runs, the window asks before it is closed, unless ``closes_freely`` says that it need not.
        """
        self._started = self._shutdown.process = process
        self._closes_freely = closes_freely

    @property
    def is_ending(self) -> bool:
        """Whether the VM is being shut down from this window."""
        return self._shutdown.active

    @property
    def title(self) -> str:
        """What the title of the window says of the VM's end; empty if it is not being shut down."""
        return self._shutdown.title

    @property
    def last_step(self) -> ShutdownStep | None:
        """The last step by which the VM was ended from this window."""
        return self._shutdown.last_step

    def may_close(self) -> bool:
        """Whether the window may be closed now. Otherwise the user is asked."""
        if self._started is None or self._started.poll() is not None or self._closes_freely():
            return True
        if self._shutdown.process is None:
            self._ask(about_closing_of_another(), self._on_closing_another)
        elif self._shutdown.active:
            self._ask(about_closing_again(self._name()), self._on_closing)
        else:
            self._ask(about_closing(self._name()), self._on_closing)
        return False

    def shut_down(self) -> None:
        """The window is closed: ask and follow nothing any more."""
        if self._question is not None:
            self._question.close()
        self._shutdown.stop()
        self._power.set_monitor(None, "closed")

    def _force_off(self) -> None:
        if self._shutdown.active:
            self._shutdown.force()
        else:
            self._ask(about_force_off(self._name()), self._on_force_off)

    def _on_closing(self, answer: Answer) -> None:
        match answer:
            case Answer.SHUT_DOWN:
                self._shutdown.begin()
            case Answer.FORCE_OFF:
                self._shutdown.force()
            case Answer.LEAVE_RUNNING:
                self.left_running = True
                self._close()

    def _on_closing_another(self, answer: Answer) -> None:
        if answer is not Answer.CANCEL:
            self.left_running = answer is Answer.LEAVE_RUNNING
            self._close()

    def _close(self) -> None:
        self._closes_freely = lambda: True
        self._window.close()

    def _on_reset(self, answer: Answer) -> None:
        if answer is Answer.RESET:
            self._do(PowerAction.RESET)

    def _on_force_off(self, answer: Answer) -> None:
        if answer is not Answer.FORCE_OFF:
            return
        if self._shutdown.process is not None:
            # It ends by a signal if it does not by its monitor.
            self._shutdown.force()
        else:
            self._do(PowerAction.FORCE_OFF)

    def _do(self, action: PowerAction) -> None:
        self._power.do(action, partial(self._done, action))

    def _done(self, action: PowerAction, error: str) -> None:
        self.notice.emit(f"{_FAILED[action]}: {error}" if error else _DONE[action])

    def _ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        if self._question is not None:
            self._question.raise_()
            self._question.activateWindow()
            return
        self.asking.emit()

        def finish(answer: Answer) -> None:
            self._question = None
            answered(answer)

        self._question = ask(self._window, question, finish)

    def _show(self) -> None:
        self._bar.show_state(self._shutdown)
        if self._rows is not None:
            self._rows.show(self._power, owned=self._shutdown.process is not None)
        self.changed.emit()
