"""The parts of the window that need no display: what it remembers, the chooser without hot-plug, where pictures go."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from app.host.vgpu import Vgpu
from app.open.opening import vfio_session
from app.open.target import SIMULATED_DEFAULT, parse_target
from app.planes.placement import Scaling
from app.planes.status import State
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.command import REPOSITORY
from tests.unit.scripted import ScriptedDevice
from ui.window import settings
from ui.window.screenshot_file import pictures_directory
from ui.window.viewer import is_shown, label_of


def remembered(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    file = folder / "mdevview/window.ini"
    file.parent.mkdir()
    file.write_text(f"[General]\n{text}\n")


def test_what_was_remembered_comes_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remembered(monkeypatch, tmp_path, "scaling=integer\nfilter=nearest")
    options = settings.view_options()
    assert (options.scaling, options.smooth) == (Scaling.INTEGER, False)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a, b",
        "@Invalid()",
        "@Rect(1 2 3)",
        r"@Variant(\0\0\0\x7f\0\0\0\x0ePyQt_PyObject\0\0\0\0\x3xyz)",
        r"\x110000",
    ],
)
def test_a_spoilt_file_is_as_none(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    remembered(monkeypatch, tmp_path, f"scaling={value}\nfilter={value}\ngeometry={value}")
    options = settings.view_options()
    assert (options.scaling, options.smooth) == (Scaling.FIT, True)


def test_a_user_without_a_home_has_a_place_for_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError("no such user")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert pictures_directory().is_dir()


def test_what_is_waited_for_is_called_as_a_person_would() -> None:
    assert [label_of(parse_target(each)) for each in ("vm:win10", "pid:4711", "83b8f4f2")] == [
        "VM win10",
        "process 4711",
        "83b8f4f2",
    ]


def test_choosing_what_is_shown_opens_nothing() -> None:
    one, other = Vgpu("one"), Vgpu("other")
    session = vfio_session(OpenedDevice("one", "one", ScriptedDevice(), one, FetchRule.FREELY, lambda: None))
    assert is_shown(one, session, State.NO_SIGNAL)
    assert not is_shown(one, session, State.GONE), "it may have come back"
    assert not is_shown(other, session, State.SHOWING)
    assert not is_shown(SIMULATED_DEFAULT, session, State.SHOWING)


CHOOSER = """
import sys
from PyQt6.QtWidgets import QApplication
sys.modules["pyudev"] = None
application = QApplication([])
from ui.window.chooser import Chooser
chooser = Chooser()
assert chooser.chosen() is not None
chooser.done(0)
"""


# The feed polls no more by itself, and its VM ends.
IDLE_FEED = """
import time
from PyQt6.QtCore import QCoreApplication, QTimer
from app.attach.vm_device import LentDevice
from app.host.process import Process
from app.vfio.liveness import Liveness
from app.measure.pacing import Pace, Pacer
from app.vfio.poller import Poller
from tests.unit.scripted import ScriptedDevice, plane_answer
from tests.unit.vms import Child
from ui.window.qt_frame_loop import QtFrameLoop
application = QCoreApplication([])
child, device = Child([]), ScriptedDevice(primary=plane_answer)
process = Process.open(child.pid)
poller = Poller(
    LentDevice(device, process, process.close), ended=Liveness(None, process, "VM"), end_fd=process.fileno
)
feed = QtFrameLoop(poller, Pacer(Pace(), time.monotonic_ns()))
seen = []
def changed(frame):
    seen.append(frame.status.reason.key)
    if seen == ["ok"]:
        QTimer.singleShot(0, lambda: (feed._timer.stop(), child.end()))
    else:
        QTimer.singleShot(0, application.quit)
feed.frame_changed.connect(changed)
feed.start()
QTimer.singleShot(20_000, application.quit)
application.exec()
child.kill()
assert seen == ["ok", "vm-ended"], seen
assert device.closed and process.fileno() == -1
feed.close()
"""

# Nobody answers, and the last window is closed: Qt ends its loops, this one as well.
CLOSED_WHILE_ASKING = """
import os
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication, QWidget
from app.errors import PermissionDenied
from app.attach.helper_fds import HelperMethod
from app.attach.helper_request import HelperRequest
from ui.window import helper_request
reader, writer = os.pipe()
class NoAnswer(HelperRequest):
    start = lambda self: None
    fileno = lambda self: reader
helper_request.HelperRequest = NoAnswer
application, window, seen = QApplication([]), QWidget(), []
def ask():
    QTimer.singleShot(0, window.close)
    try:
        helper_request.WindowAsking(HelperMethod.AUTO)(4711, None)
    except PermissionDenied as error:
        seen.append(error)
window.show()
QTimer.singleShot(0, ask)
QTimer.singleShot(20_000, application.quit)
application.exec()
assert seen, seen
"""

# A tool tip that is markup reads the files that it names, and a fifo for ever.
VM_NAMED_AS_MARKUP = """
from PyQt6.QtWidgets import QApplication
from ui.window.status_line import StatusLine
application, line = QApplication([]), StatusLine()
line.show_state("VM <img src='/dev/zero'>", "showing", "view only")
assert "<img" not in line._left.toolTip(), line._left.toolTip()
assert "<img" in line._left.text()
line.show_state("VM a &amp; b", "showing", "view only")
assert line._left.toolTip() == line._left.text()
"""


@pytest.mark.parametrize(
    "script",
    [CHOOSER, IDLE_FEED, CLOSED_WHILE_ASKING, VM_NAMED_AS_MARKUP],
    ids=["chooser-without-libudev", "idle-feed-hears-of-the-end", "closed-while-asking", "vm-named-as-markup"],
)
def test_part_of_the_window_in_a_program_of_its_own(script: str) -> None:
    env = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
