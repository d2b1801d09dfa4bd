"""What a question is about ends, or is replaced, while the user reads it."""

from collections.abc import Callable

from PyQt6.QtWidgets import QApplication

from app.vm.monitor import ConnectionState, MonitorStatus
from app.vm.power import PowerAction
from tests.unit.ui.window.machine.programs.bench import FakeMonitor, FakeProcess, Window, answer, question
from ui.window.qt_application import new_application

application = new_application()
application.setQuitOnLastWindowClosed(False)


def asked(about: str) -> tuple[Window, FakeMonitor, FakeProcess]:
    """A window of a started VM that shows a question: about the closing, or about a row of the menu."""
    for each in QApplication.topLevelWidgets():
        each.hide()
    window, monitor, process = Window(), FakeMonitor(), FakeProcess()
    window.machine.set_monitor(monitor, "")
    window.own(process)
    if about == "close again":
        window.close()
        answer("Shut down")
        monitor.actions.clear()
    if about.startswith("close"):
        window.close()
    else:
        window.rows[about].trigger()
    assert question() is not None
    return window, monitor, process


ANSWERS = {"reset": "Reset", "force-off": "Force off", "close": "Shut down", "close again": "Force off"}

# Another VM is shown, or none: the question is gone, and nobody was asked for anything.
for about in ANSWERS:
    for other in (FakeMonitor(), None):
        window, monitor, process = asked(about)
        window.machine.set_monitor(other, "the VM ended")
        application.processEvents()
        assert question() is None, about
        window.pass_time(1000)
        assert (monitor.actions, process.signals, window.closed) == ([], [], 0), (about, monitor.actions)
        assert other is None or other.actions == []
        # The next question can be asked.
        window.close()
        assert question() is not None
        answer("Cancel")

# The VM's monitor dies between the question and the click: the error is told, and the process is not forgotten.
for about in ("reset", "force-off"):
    window, monitor, process = asked(about)
    monitor.error = "the connection to the VM was lost"
    window.change(monitor, MonitorStatus(ConnectionState.LOST, "it hung up"))
    answer(ANSWERS[about])
    if about == "reset":
        assert window.said == ["The VM was not reset: the connection to the VM was lost"], window.said
    else:
        assert window.bar() == ("Forcing off… 10 s left", []) and len(process.signals) == 1, window.bar()

# The VM ends between the question and the click.
checks: dict[str, Callable[[Window], bool]] = {
    "close": lambda window: window.bar() is None,
    "close again": lambda window: window.bar() is None,
    "force-off": lambda window: window.bar() is None,
}
for about, holds in checks.items():
    window, monitor, process = asked(about)
    process.status = 0
    answer(ANSWERS[about])
    window.pass_time(1)
    assert holds(window) and process.signals == [] and PowerAction.FORCE_OFF not in monitor.actions, about
    # What ends the program when a VM ends.
    application.closeAllWindows()
    assert (window.closed, question()) == (1, None)

# The last window is closed while a question is shown, as at the end of the program.
window, monitor, process = asked("reset")
window.own(process, lambda: True)
window.machine.shut_down()
assert question() is None and monitor.actions == []
