"""The window of a VM that this program started is closed: what the user is asked, and what becomes of the VM."""

from signal import SIGKILL, SIGTERM

from PyQt6.QtWidgets import QApplication

from app.vm.monitor import ConnectionState, MonitorStatus
from app.vm.power import PowerAction
from app.vm.shutdown_sequence import ShutdownStep
from tests.unit.ui.window.machine.programs.bench import (
    RUNNING,
    FakeMonitor,
    FakeProcess,
    Window,
    answer,
    keys,
    question,
)
from ui.window.qt_application import new_application

application = new_application()
# A window that is closed does not end this program.
application.setQuitOnLastWindowClosed(False)


def started() -> tuple[Window, FakeMonitor, FakeProcess]:
    """A new window, in place of the one before."""
    for each in QApplication.topLevelWidgets():
        each.hide()
    window, monitor, process = Window(), FakeMonitor(), FakeProcess()
    window.machine.set_monitor(monitor, "")
    window.own(process)
    return window, monitor, process


# Nothing happens to a VM whose user cancels, by key or by closing the question.
window, monitor, process = started()
for safe in ("Return", "Escape"):
    window.close()
    box = question()
    assert box is not None and "win & <b>10</b>" in box.text()
    keys(safe)
window.close()
question().close()  # type: ignore[union-attr]
assert (window.closed, monitor.actions, process.signals, window.bar()) == (0, [], [], None)

# The guest is asked, and the window shows for how long. It is never forced by time alone.
window.close()
answer("Shut down")
assert monitor.actions == [PowerAction.POWERDOWN]
assert window.bar() == ("Shutting down… 60 s left. The guest was asked to power off.", ["Force off"])
window.pass_time(17.5)
assert window.machine.title == "shutting down… 43 s left"
# A second close only asks. Enter keeps waiting.
window.close()
box = question()
assert box is not None and "Force off ends the VM" in box.informativeText()
keys("Return")
window.pass_time(60)
assert window.bar() == ("Not shut down: the guest has not powered off", ["Ask again", "Force off"])
window.pass_time(100_000)
assert monitor.actions == [PowerAction.POWERDOWN] and process.signals == []
window.press("Ask again")
assert monitor.actions == [PowerAction.POWERDOWN] * 2 and window.machine.title == "shutting down… 60 s left"
# One named click ends it, whatever it takes.
window.close()
answer("Force off")
assert monitor.actions[2:] == [PowerAction.FORCE_OFF] and window.bar() == ("Forcing off… 10 s left", [])
process.obeys = (SIGKILL,)
window.pass_time(10)
window.pass_time(10)
assert process.signals == [SIGTERM, SIGKILL] and window.machine.last_step is ShutdownStep.KILL
window.pass_time(1)
window.close()
assert (window.closed, question(), window.machine.left_running) == (1, None, False)

# A guest that powers off ends the window without a word.
window, monitor, process = started()
window.close()
answer("Shut down")
process.status = 0
window.pass_time(1)
window.close()
assert (window.closed, question(), window.said) == (1, None, [])

# -no-shutdown: the guest is off, and nothing is lost when QEMU ends.
window, monitor, process = started()
window.close()
answer("Shut down")
window.change(monitor, MonitorStatus(ConnectionState.READY, run_state="shutdown"))
assert monitor.actions == [PowerAction.POWERDOWN, PowerAction.FORCE_OFF]

# A guest that cannot be asked, and one whose monitor refuses, are left to the user.
for status, error, words, forced in (
    (
        MonitorStatus(ConnectionState.READY, run_state="paused"),
        "",
        "Not shut down: the VM is paused: resume it first",
        (True, False),
    ),
    (MonitorStatus(ConnectionState.LOST, "it hung up"), "", "cannot be asked to power off: it hung up", (False, True)),
    (RUNNING, "no ACPI", "Not shut down: the guest could not be asked (no ACPI)", (True, True)),
):
    window, monitor, process = started()
    monitor.error = error
    window.change(monitor, status)
    window.close()
    answer("Shut down")
    QApplication.processEvents()
    text, buttons = window.bar() or ("", [])
    assert words in text and "Force off" in buttons, (text, buttons)
    assert PowerAction.FORCE_OFF not in monitor.actions
    window.press("Force off")
    # By its monitor if there is one, and by a signal if that refuses.
    assert (PowerAction.FORCE_OFF in monitor.actions, SIGTERM in process.signals) == forced

# The VM goes on: the window is closed, and nothing is sent to the VM.
window, monitor, process = started()
window.close()
answer("Leave running")
assert (window.closed, window.machine.left_running, monitor.actions, process.signals) == (1, True, [], [])

# A signal, and --keep-running, close it without a question.
window, monitor, process = started()
window.own(process, lambda: True)
window.close()
assert (window.closed, question(), window.machine.left_running) == (1, None, False)

# A signal ends the question, too.
interrupted: list[int] = []
window, monitor, process = started()
window.own(process, lambda: bool(interrupted))
window.close()
interrupted.append(15)
application.closeAllWindows()
assert (window.closed, question(), monitor.actions) == (1, None, [])

# While the window shows another VM, that one is asked for nothing, and the started one is not forgotten.
window, monitor, process = started()
window.close()
answer("Shut down")
other = FakeMonitor()
window.machine.set_monitor(other, "")
assert window.bar() is None
window.close()
box = question()
assert box is not None and "started with this window" in box.text()
keys("Return")
window.rows["force-off"].trigger()
answer("Force off")
assert other.actions == [PowerAction.FORCE_OFF] and process.signals == []
window.close()
answer("Shut down")
assert window.closed == 1 and not window.machine.left_running and other.actions == [PowerAction.FORCE_OFF]

# A VM that another program started is closed without a question, and the bar goes with its end.
window, monitor = Window(), FakeMonitor()
window.machine.set_monitor(monitor, "")
window.rows["power-down"].trigger()
assert monitor.actions == [PowerAction.POWERDOWN] and window.bar() is not None
window.change(monitor, MonitorStatus(ConnectionState.READY, run_state="shutdown"))
assert window.bar() is None and window.said == ["The guest is off"] and PowerAction.FORCE_OFF not in monitor.actions
window.change(monitor, RUNNING)
window.rows["power-down"].trigger()
window.machine.set_monitor(None, "the VM ended")
assert window.bar() is None
window.close()
assert (window.closed, question()) == (1, None)
