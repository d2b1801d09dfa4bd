"""One window and what is in it: a device, the VM's monitor, or the wait for a VM."""

import time
from dataclasses import dataclass

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QMessageBox

from app.attach.helper_fds import HelperWay
from app.edid.mode import Mode
from app.errors import MdevviewError
from app.host.vgpu import Vgpu
from app.measure.pacing import Pace, Pacer
from app.open.background_waiter import BackgroundWaiter
from app.open.source import Access, Source, open_resolved
from app.open.target import Default, Named, Pid, Simulated, Target, VmName
from app.open.waiter import Waiter, again
from app.planes.frame import Frame
from app.planes.status import Reason, State, Status
from app.qemu.qmp_address import QmpAddress
from ui.window.chooser import choose_device
from ui.window.feed import Feed
from ui.window.helper_request import WindowAsking
from ui.window.main_window import MainWindow
from ui.window.options import ViewOptions
from ui.window.picture import PictureWindow
from ui.window.vm_monitor import VmMonitor

# How often it is asked whether the VM has been found.
_WAIT_MS = 100
# What a wait is about, which a window that already says "VM ended" need not repeat.
_STILL_WAITING = (Reason.NOT_STARTED, Reason.VM_NOT_RUNNING, Reason.NO_DEVICE)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user wants of the window.

    ``wait`` is for VMs that are yet to start, and for the next start of one that ended. ``qmp`` is where the VM takes
    input, None for where its command line says. ``resolution`` is asked of the guest, or with ``follow`` that its
    screen is as large as the window.
    """

    options: ViewOptions
    fullscreen: bool = False
    wait: bool = False
    helper: HelperWay = HelperWay.AUTO
    qmp: QmpAddress | None = None
    resolution: Mode | None = None
    follow: bool = False


class Viewer(QObject):
    """Shows ``target``, which was opened as ``source``; with ``None`` it waits for it."""

    def __init__(self, target: Target, source: Source | None, wishes: Wishes, redraw: int) -> None:
        """``redraw`` is the display's refresh interval in nanoseconds."""
        super().__init__()
        self._target = target
        self._source = source
        self._wishes = wishes
        self._pace = Pace(redraw=redraw)
        self._waiter: BackgroundWaiter | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self._look)
        self._asking = WindowAsking(wishes.helper)
        label = source.label if source is not None else label_of(target)
        self._feed = self._feed_of(source) if source is not None else self._feed_of(Status(Reason.NOT_STARTED))
        self.picture = PictureWindow(self._feed, label)
        self.window = MainWindow(self.picture, label, wishes.options, self._choose)
        self.monitor = VmMonitor(self.window)
        if wishes.resolution is not None:
            self.window.resolution.ask(wishes.resolution)
        self.window.resolution.follow(wishes.follow)
        if source is None:
            self.monitor.none("there is no VM yet")
            self._wait(target, soon=False)
        else:
            self.monitor.follow(source, wishes.qmp)
            self.window.resolution.set_device(source.device)
        self._feed.start()

    def shut_down(self) -> None:
        """Let go of everything. More calls do nothing."""
        self._stop_waiting()
        self._asking.give_up()
        self.window.resolution.shut_down()
        self.picture.shut_down()
        self.monitor.close()

    def _feed_of(self, what: Source | Status) -> Feed:
        watch = what.process.fileno() if isinstance(what, Source) and what.process is not None else -1
        poller = what.poller() if isinstance(what, Source) else what
        feed = Feed(poller, Pacer(self._pace, time.monotonic_ns()), watch=watch)
        feed.frame_changed.connect(self._when_changed)
        return feed

    def _take(self, source: Source, target: Target) -> None:
        """Show another source from now on."""
        self._stop_waiting()
        self._source, self._target = source, target
        # While the device before is still open.
        self.window.resolution.set_device(None)
        self._show(self._feed_of(source), source.label)
        self.window.resolution.set_device(source.device)
        self.monitor.follow(source, self._wishes.qmp)

    def _show(self, feed: Feed, label: str) -> None:
        self._feed = feed
        self.picture.set_feed(feed, label)
        self.window.set_source(label)
        feed.start()

    def _when_changed(self, frame: Frame) -> None:
        if frame.status.state is State.GONE:
            self.window.resolution.set_device(None, _why(frame.status))
            # Not within the feed's own turn, as the feed may be exchanged.
            QTimer.singleShot(0, self._ended)

    def _ended(self) -> None:
        source, status = self._source, self._feed.frame.status
        # Another may have been chosen meanwhile.
        if source is None or status.state is not State.GONE:
            return
        self.monitor.none(_why(status))
        if not self._wishes.wait:
            return
        self._source = None
        what = f"{status.detail}; waiting for its next start" if status.detail else "waiting for its next start"
        self._show(self._feed_of(Status(status.reason, what)), source.label)
        self._wait(again(self._target, source), soon=True)

    def _wait(self, target: Target, *, soon: bool) -> None:
        self._target = target
        access = Access(self._wishes.helper)
        self._waiter = BackgroundWaiter(lambda: Waiter(target, access=access, soon=soon))
        self._timer.start()
        self._look()

    def _look(self) -> None:
        if self._waiter is None:
            return
        found = self._waiter.poll()
        if isinstance(found, Source):
            self._take(found, self._target)
        elif self._feed.frame.status.state is not State.GONE or found.reason not in _STILL_WAITING:
            self._feed.say(found)

    def _stop_waiting(self) -> None:
        self._timer.stop()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.close()

    def _choose(self) -> None:
        if self._asking.under_way:
            return
        chosen = choose_device(self.window)
        state = self.picture.frame.status.state
        if chosen is None or (self._source is not None and is_shown(chosen, self._source, state)):
            return
        access = Access(self._wishes.helper, hand_over=self._asking)
        try:
            source = open_resolved(chosen, access=access)
        except MdevviewError as error:
            # Not behind a window that was closed while it asked.
            if self.window.isVisible():
                self._warn(error)
            return
        self.window.resolution.forget()
        self._take(source, Named(chosen.name) if isinstance(chosen, Vgpu) else chosen)

    def _warn(self, error: MdevviewError) -> None:
        warning = QMessageBox(QMessageBox.Icon.Warning, "mdevview", f"{error.message}\n\n{error.remedy}")
        # It may name a process, which chooses its name, and Qt takes what looks like markup for markup.
        warning.setTextFormat(Qt.TextFormat.PlainText)
        warning.setParent(self.window, warning.windowFlags())
        warning.exec()


def is_shown(chosen: Vgpu | Simulated, source: Source, state: State) -> bool:
    """Whether the choice is what the window has open: opened again it would be busy, held by this very program."""
    is_same = isinstance(chosen, Vgpu) and source.vgpu is not None and chosen.name == source.vgpu.name
    return is_same and state is not State.GONE


def _why(gone: Status) -> str:
    """Why nothing can be done with a device that is gone."""
    return "the VM ended" if gone.reason is Reason.VM_ENDED else "the vGPU was removed"


def label_of(target: Target) -> str:
    """What a person sees of a target that is not there yet."""
    match target:
        case Named(text):
            return text
        case VmName(name):
            return f"VM {name}"
        case Pid(pid):
            return f"process {pid}"
        case Default():
            return "vGPU"
    return str(target)
