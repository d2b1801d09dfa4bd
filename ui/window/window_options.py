"""What the command line says about a window."""

from dataclasses import dataclass

from app.attach.helper_fds import HelperMethod
from app.edid.mode import Mode
from app.host.gpu import AUTO, GpuChoice
from app.qemu.qmp_address import QmpAddress
from ui.window.host_check import Examine
from ui.window.picture.view_options import ViewOptions


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """The options of a window, from the command line.

    ``wait``: wait for a VM that does not run yet, and for the next start of one that ended. ``qmp`` is the VM's QMP
    socket, None for the one on its command line. ``resolution`` is the mode to ask the guest for; with ``follow`` the
    guest's screen gets the size of the window. ``poll`` is a fixed interval of polls in nanoseconds, None for the
    pace of :mod:`app.measure.loop.pacing`. ``gpu`` imports the buffers of the guest. ``examine_host`` does what doctor
    does, in seconds and on any thread; None if the window cannot offer that. ``given`` are the fields of ``view`` that
    the command line gave, None for a window that remembers nothing (:mod:`ui.window.window_memory`).
    ``page``: an error at opening is a page in the window, and does not end the program.
    """

    view: ViewOptions
    fullscreen: bool = False
    wait: bool = False
    helper: HelperMethod = HelperMethod.AUTO
    qmp: QmpAddress | None = None
    resolution: Mode | None = None
    follow: bool = False
    poll: int | None = None
    given: frozenset[str] | None = None
    gpu: GpuChoice = AUTO
    examine_host: Examine | None = None
    page: bool = False
