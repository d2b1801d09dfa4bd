"""When a window diagnoses its picture: while something is wrong, and not while all is well."""

import threading
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from PyQt6.QtCore import QCoreApplication, QObject

from app.device.device_facts import DeviceFacts
from app.diagnosis.picture.host_facts import HostFacts, RunState, VmFacts
from app.edid.mode import Mode
from app.open.session import Session
from app.planes.display_facts import DisplayFacts, DisplayProblem, SeenProblem
from app.planes.frame import Frame
from app.planes.outcome import ImportFailure, ImportMethod, Outcome, PixelPath
from app.planes.pixel_samples import Look
from app.planes.status import Reason, Status
from gl.renderer import DrawResult, Renderer
from tests.unit.app.diagnosis.picture.facts import PRIMARY
from tests.unit.app.diagnosis.picture.surfaces import surface
from ui.window.picture.picture_diagnosis import PictureDiagnosis

S = 1_000_000_000
OK = Status(Reason.OK)
FAILED = (ImportFailure(ImportMethod.EXPLICIT, "EGL_BAD_MATCH", "no"),)


class Picture:
    """What a window has; the test changes it."""

    target = "a VM"
    renderer: Renderer | None = None

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.vm = VmFacts(7, state=RunState.RUNNING)
        self.display: DisplayFacts | None = None
        session = SimpleNamespace(
            vgpu=None, device_facts=DeviceFacts, host_facts=self.host_facts, display_facts=lambda: self.display
        )
        self.session: Session | None = cast(Session, session)
        self.show(Frame(Status(Reason.PLANE_OFF)))

    def show(self, frame: Frame, outcome: Outcome | None = None) -> None:
        self.frame = frame
        self.status = outcome.status if outcome is not None else frame.status
        self.last_draw: tuple[Frame | None, DrawResult | None] = (frame, DrawResult(outcome, None, None))

    def host_facts(self) -> HostFacts:
        self.reads.append(threading.current_thread().name)
        return HostFacts(self.vm)


now = [100 * S]
application = QCoreApplication([])
owner = QObject()
picture = Picture()
diagnosis = PictureDiagnosis(picture, owner, nullcontext, lambda: now[0])
diagnosis._timer.stop()
pages: list[int] = []
diagnosis.page_changed.connect(lambda: pages.append(len(pages)))


def keys(seconds: float) -> list[str]:
    """Those of the findings that many seconds later. The host was read meanwhile, if that was asked for."""
    now[0] += int(seconds * S)
    diagnosis.refresh()
    for each in threading.enumerate():
        if each.name == "host-facts":
            each.join(10)
    return [each.key for each in diagnosis.findings]


def unchanged() -> tuple[float | None, RunState | None]:
    return diagnosis.unchanged_s, diagnosis.run_state


def headline() -> str | None:
    return diagnosis.headline.key if diagnosis.headline is not None else None


diagnosis.saw(picture.frame)
assert keys(0) == ["plane-never-enabled"]
assert headline() == "plane-never-enabled"
assert picture.reads == ["host-facts"], picture.reads
assert pages
keys(1)
keys(1)
assert len(picture.reads) == 1, "the host is read every few seconds only"
keys(1.5)
assert len(picture.reads) == 2

# All is well: nothing is read, nothing is found.
shown = Frame(OK, surface())
copied = Outcome(PixelPath.COPY, None, FAILED, Status(Reason.IMPORT_ON_TRIAL))
good = Outcome(PixelPath.EGL_IMAGE, None, (), OK)
picture.show(shown, good)
diagnosis.saw(shown)
assert keys(1) == []
assert headline() is None
for _ in range(8):
    diagnosis.saw(Frame(OK, surface()))
    assert keys(5) == []
assert len(picture.reads) == 2

# A copy that was needed for a while only.
picture.show(shown, copied)
assert keys(1) == ["import-on-trial"]
picture.show(shown, good)
diagnosis.saw(Frame(OK, surface()))
picture.show(shown, good)
assert keys(0.5) == [], "a finding stays after its cause has gone"

# The same in a picture that does not change meanwhile.
picture.show(shown, copied)
assert "import-on-trial" in keys(11)
picture.show(shown, good)
assert keys(0.5) == ["picture-unchanged"], "a finding stays after its cause has gone"
diagnosis.looked(Look(True, now[0], now[0]))
assert keys(0.5) == []

# A picture that stays unchanged: whether the VM runs is found out.
assert keys(11) == ["picture-unchanged"]
assert headline() is None, "a still picture is nothing that a user must know"
assert unchanged()[0] == 11.5
picture.vm = VmFacts(7, state=RunState.PAUSED)
keys(31)
assert keys(6) == ["vm-paused"]
assert unchanged() == (48.5, RunState.PAUSED)
assert headline() == "vm-paused"
diagnosis.looked(Look(True, now[0], now[0]))
assert keys(1) == []
assert unchanged() == (1.0, None)

# What was once wrong with QEMU's messages is a finding, but no headline over a picture that is right.
picture.display = DisplayFacts(problems=(SeenProblem(DisplayProblem.WRONG_FD, "a file"),))
picture.vm = VmFacts(7, state=RunState.RUNNING)
keys(31)
assert keys(31) == ["display-wrong-fd", "picture-unchanged"], diagnosis.findings
assert headline() is None
picture.display = None
diagnosis.looked(Look(True, now[0], now[0]))
assert keys(1) == []

# A mode that the guest does not take is told once, and goes when the guest takes it.
picture.vm = VmFacts(7, state=RunState.RUNNING)
told: list[str] = []
diagnosis.told.connect(told.append)
diagnosis.asked_for(Mode(1024, 768), True)
diagnosis.saw(Frame(OK, surface()))
assert keys(9) == []
# A picture that changes all the time.
diagnosis.saw(Frame(OK, surface()))
assert "mode-not-taken" in keys(2)
keys(31)
assert keys(6)[0] == headline() == "mode-not-taken"
keys(6)
assert len(told) == 1 and "1024x768" in told[0], told
diagnosis.saw(Frame(OK, surface(replace(PRIMARY, width=1024, height=768))))
assert keys(0.5) == []
diagnosis.saw(Frame(OK, surface()))
assert keys(1) == [], "what the guest's user chose later is his"
diagnosis.asked_for(Mode(1024, 768), False)
assert keys(10)[0] == "mode-not-taken"
assert len(told) == 1, "a guest that follows the window is asked often"
diagnosis.forget()
diagnosis.saw(Frame(OK, surface()))

# A panel wants all of them, always.
diagnosis.keep_current(True)
diagnosis.saw(shown)
picture.show(Frame(Status(Reason.PLANE_OFF)))
diagnosis.saw(picture.frame)
assert keys(1)[-1] == "plane-went-off"
assert unchanged()[0] is None, "there is no picture"
diagnosis.forget()
assert diagnosis.findings == ()
diagnosis.forget(sees_pixels=False)
picture.show(shown, good)
diagnosis.saw(shown)
keys(60)
assert unchanged()[0] is None, "polls at a fixed interval see no pixels"
diagnosis.shut_down()
diagnosis.shut_down()
