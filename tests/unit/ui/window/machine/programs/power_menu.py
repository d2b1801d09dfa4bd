"""The rows of the Machine menu: what they do, why they are off, and which of them ask first."""

from PyQt6.QtWidgets import QMenu

from app.vm.monitor import ConnectionState, MonitorStatus
from app.vm.power import PowerAction
from tests.unit.ui.window.machine.programs.bench import RUNNING, FakeMonitor, Window, answer, keys, question
from ui.window.qt_application import new_application

application = new_application()
window, monitor = Window(), FakeMonitor()
rows = window.rows
KEYS = ("power-down", "pause", "resume", "reset", "force-off")


def shown() -> dict[str, tuple[str, bool]]:
    return {key: (rows[key].text().replace("&", ""), rows[key].isEnabled()) for key in KEYS if rows[key].isVisible()}


def reason_row() -> str | None:
    """The row above the power actions, if there is one."""
    (menu,) = (each for each in rows["power-down"].associatedObjects() if isinstance(each, QMenu))
    actions = [each for each in menu.actions() if each.isVisible() and not each.isSeparator()]
    above = actions[actions.index(rows["power-down"]) - 1]
    return above.text() if not above.isEnabled() else None


# Without a monitor all are off, and the menu itself says why.
window.machine.set_monitor(
    None, "its command line has no QMP socket: start QEMU with -qmp unix:PATH,server=on,wait=off"
)
assert not any(on for _, on in shown().values()), shown()
assert (reason_row() or "").startswith("Off: its command line has no QMP socket"), reason_row()
assert "-qmp unix:PATH" in rows["power-down"].toolTip(), rows["power-down"].toolTip()
window.machine.set_monitor(None, "VM <img src='/dev/zero'> & co")
assert "<img" not in rows["reset"].toolTip() and "&&" in (reason_row() or "")

# A VM that runs can be paused; one that is paused can be resumed, and its guest cannot be asked anything.
window.machine.set_monitor(monitor, "")
assert reason_row() is None
assert shown() == {
    "power-down": ("Power down", True),
    "pause": ("Pause", True),
    "reset": ("Reset…", True),
    "force-off": ("Force off…", True),
}
rows["pause"].trigger()
assert monitor.actions == [PowerAction.PAUSE] and window.said == ["The VM is paused"]
window.change(monitor, MonitorStatus(ConnectionState.READY, run_state="paused"))
assert shown() == {
    "power-down": ("Power down (the VM is paused: resume it first)", False),
    "resume": ("Resume", True),
    "reset": ("Reset…", True),
    "force-off": ("Force off…", True),
}, shown()
rows["resume"].trigger()
assert monitor.actions[1:] == [PowerAction.RESUME]
# A VM that does not tell its state may do anything.
window.change(monitor, MonitorStatus(ConnectionState.READY))
assert len(shown()) == len(KEYS) and all(on for _, on in shown().values())
window.change(monitor, RUNNING)

# What loses work asks first. Enter and Escape are safe.
for key, action, word in (("reset", PowerAction.RESET, "Reset"), ("force-off", PowerAction.FORCE_OFF, "Force off")):
    for safe in ("Return", "Escape"):
        rows[key].trigger()
        box = question()
        assert box is not None and "What it has not saved is lost" in box.informativeText()
        assert "<b>10</b>" in box.text()
        keys(safe)
        assert question() is None and action not in monitor.actions
    # Once more while it is shown: there is one question.
    rows[key].trigger()
    rows[key].trigger()
    answer(word)
    assert monitor.actions[-1] is action and question() is None
assert window.releases == 6

# Every error is a sentence.
monitor.error = "Permission denied\nby policy"
rows["pause"].trigger()
assert window.said[-1] == "The VM was not paused: Permission denied by policy", window.said
window.change(monitor, MonitorStatus(ConnectionState.LOST, "the VM does not answer"))
assert reason_row() == "Off: the VM does not answer" and not rows["force-off"].isEnabled()

# Where commands have a connection of their own, that one counts: input may be lost while power actions go on.
lost = MonitorStatus(ConnectionState.LOST, "another client took the controls over", for_commands=RUNNING)
window.change(monitor, lost)
assert reason_row() is None and rows["pause"].isEnabled(), reason_row()
no_qmp = MonitorStatus(ConnectionState.LOST, "its command line has no QMP socket")
window.change(monitor, MonitorStatus(ConnectionState.READY, for_commands=no_qmp))
assert reason_row() == "Off: its command line has no QMP socket" and not rows["pause"].isEnabled()

# An answer that comes after another VM is shown is not told as this one's.
window.change(monitor, RUNNING)
monitor.error = None
told = len(window.said)
rows["pause"].trigger()
window.machine.set_monitor(FakeMonitor(), "")
window.machine._power._hand_over(monitor, window.said.append, None)  # type: ignore[arg-type]
assert len(window.said) == told
window.machine.shut_down()
