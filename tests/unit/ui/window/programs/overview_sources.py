"""What a tile of the overview opens and closes: ``python -m ... free|vm|removed|refused|window|busy``."""

import sys
import threading
import time
from dataclasses import replace

from PyQt6.QtCore import QEvent

from app.attach.helper_fds import HelperMethod
from app.errors import DeviceBusy, MdevviewError, PermissionDenied
from app.host.vgpu import Holder, Vgpu
from app.open.background import BackgroundOpener
from app.open.opening import OpenOptions, vfio_session
from app.open.session import Session
from app.planes.status import Reason, Status
from app.vfio.buffer_cache import FetchRule
from app.vfio.opened_device import OpenedDevice
from tests.unit.scripted import ScriptedDevice, plane_answer
from tests.unit.ui.window.events import until
from ui.window.overview import overview_source
from ui.window.overview.opening_queue import OpeningQueue
from ui.window.overview.overview_source import Click, OverviewSource
from ui.window.overview.overview_text import FREE, PERMISSION
from ui.window.overview.qt_loop_group import QtLoopGroup
from ui.window.qt_application import new_application

FREE_VGPU = Vgpu("a", uuid="a")
WITH_VM = replace(FREE_VGPU, holders=(Holder(4711, "qemu-system-x86", 20, "win10", None),))


class Opener:
    """Opens a device of the test, or fails with ``error``."""

    def __init__(self, error: MdevviewError | None) -> None:
        self.device = ScriptedDevice(primary=plane_answer)
        self.ended = threading.Event()
        self._error = error

    def poll(self) -> Session:
        if self._error is not None:
            raise self._error
        return vfio_session(OpenedDevice("a", "a", self.device, WITH_VM, FetchRule.FREELY, self._end))

    def _end(self) -> Status | None:
        return Status(Reason.VM_ENDED, "VM win10 ended") if self.ended.is_set() else None

    def close(self) -> None:
        pass


openers: list[Opener] = []
threads: list[BackgroundOpener] = []
asked: list[HelperMethod] = []
errors: list[MdevviewError] = []


def begin(_vgpu: object, options: OpenOptions) -> BackgroundOpener:
    assert not options.alone, "a free vGPU must not be opened"
    asked.append(options.helper)
    openers.append(Opener(errors.pop() if errors else None))
    threads.append(BackgroundOpener(lambda *_: openers[-1]))
    return threads[-1]


def for_a_while() -> None:
    end = time.monotonic() + 0.3
    until(lambda: time.monotonic() > end)


setattr(overview_source, "open_in_background", begin)  # noqa: B010
application = new_application()
group = QtLoopGroup()
source = OverviewSource(group, OpeningQueue(), "a", HelperMethod.AUTO)
gone: list[bool] = []
opened: list[str | None] = []
source.opened.connect(lambda: opened.append(source.title))
source.gone.connect(lambda: gone.append(openers[-1].device.closed))

match sys.argv[1]:
    case "free":
        source.set_vgpu(FREE_VGPU)
        source.set_vgpu(replace(FREE_VGPU, unseen=True))
        for_a_while()
        assert source.caption() == "Perhaps in use"
        source.set_vgpu(FREE_VGPU)
        for_a_while()
        assert (source.words, source.click, asked) == (FREE, Click.NOTHING, [])
    case "vm":
        for _ in range(2):
            # A VM starts, ends and starts again.
            source.set_vgpu(WITH_VM)
            until(lambda: source.frame is not None and source.frame.primary is not None)
            source.set_vgpu(WITH_VM)
            assert source.title == "win10" and source.caption() == "a · Showing · 1 fps"
            openers[-1].ended.set()
            until(lambda: openers[-1].device.closed)
            until(lambda: source.loop is None)
            assert source.caption() == "a · VM ended" and source.click is Click.NOTHING
            source.set_vgpu(FREE_VGPU)
            assert source.words is FREE
        assert asked == [HelperMethod.NEVER] * 2
        assert opened == ["win10"] * 2, "the picture of the VM before is deleted when another one is opened"
        assert gone == [False] * 2, "what was made from the buffers is released before the device is closed"
    case "removed":
        # The vGPU is removed with its VM, before the grace for a plane that is off is over.
        source.set_vgpu(WITH_VM)
        until(lambda: source.frame is not None and source.frame.primary is not None)
        openers[-1].ended.set()
        until(lambda: source.loop is None)
        source.close()
        source.deleteLater()
        application.sendPostedEvents(source, QEvent.Type.DeferredDelete.value)
        for_a_while()
    case "refused":
        errors += [PermissionDenied("no permission"), PermissionDenied("no permission")]
        source.set_vgpu(WITH_VM)
        until(lambda: source.click is Click.ASK)
        assert source.words is PERMISSION
        source.set_vgpu(WITH_VM)
        for_a_while()
        assert asked == [HelperMethod.NEVER]
        # Another VM has it now: perhaps one of this user.
        source.set_vgpu(replace(WITH_VM, holders=(Holder(4712, "qemu-system-x86", 20, "win11", None),)))
        until(lambda: len(asked) == 2 and source.click is Click.ASK)
        source.ask()
        until(lambda: source.click is Click.OPEN)
        assert asked == [HelperMethod.NEVER, HelperMethod.NEVER, HelperMethod.AUTO]
    case "busy":
        errors.append(DeviceBusy("it is in use", "try again"))
        source.set_vgpu(WITH_VM)
        until(lambda: source.words is not None and source.words.heading == "Cannot open this")
        # The next look at the host tries again.
        source.set_vgpu(WITH_VM)
        until(lambda: source.click is Click.OPEN)
    case "window":
        source.set_vgpu(WITH_VM)
        until(lambda: source.click is Click.OPEN)
        first, second = source.session_for_window(), source.session_for_window()
        assert first is not None and second is not None
        assert first.source.latest() is second.source.latest()
        first.close()
        assert not openers[-1].device.closed
        source.close()
        assert not openers[-1].device.closed, "a window still shows it"
        openers[-1].ended.set()
        assert second.source.latest().status.reason is Reason.VM_ENDED
        second.close()
        assert len(openers) == 1, "opened once by this program"

source.close(wait=True)
source.close(wait=True)
group.close()
for each in threads:
    assert each.join(20)
assert all(each.device.closed for each in openers if each._error is None)
