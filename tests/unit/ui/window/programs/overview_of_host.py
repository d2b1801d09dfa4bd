"""The overview of a host whose VMs start and end: ``python -m ... FOLDER``."""

import sys
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError
from app.host.hotplug import Hotplug
from app.host.vgpu import Vgpu
from app.open import screen_list
from app.open.background import BackgroundOpener, open_in_background
from app.open.opening import OpenOptions
from app.open.screen_list import ScreenList
from tests.unit.hosts import UUID_A, UUID_B, Host, qemu
from tests.unit.ui.window.events import until
from tests.unit.vms import Vms
from ui.window.overview import overview_source, overview_window
from ui.window.overview.overview_source import OverviewSource
from ui.window.overview.overview_window import OverviewWindow
from ui.window.qt_application import new_application


def no_events() -> Hotplug:
    raise MdevviewError("no hot-plug events")


def begin(vgpu: Vgpu, options: OpenOptions) -> BackgroundOpener:
    return open_in_background(vgpu, host.paths, replace(options, access=vms.access()))


def words() -> list[tuple[str, str]]:
    return [(each.text(), each._words.heading if each._words else "") for each in window.tiles]


def device(uuid: str) -> list[str]:
    return ["-device", f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{uuid},display=off"]


application = new_application()
host = Host(Path(sys.argv[1]))
(host.paths.dev / "shm").mkdir()
opened: list[OverviewSource] = []
setattr(screen_list, "_LOOK_S", 0.02)  # noqa: B010
setattr(overview_source, "open_in_background", begin)  # noqa: B010
setattr(overview_window, "ScreenList", partial(ScreenList, host.paths, no_events))  # noqa: B010

with closing(Vms(host)) as vms:
    window = OverviewWindow([], HelperMethod.NEVER, opened.append)
    # Without a vGPU a simulated one is shown, and said to be one.
    until(lambda: words() == [("sim:gvt", "")] or words() == [("sim:gvt", "Opening")], words)
    assert "no vGPU" in window._line.text()
    host.mdev(UUID_A, "mbochs-small", 1)
    host.mdev(UUID_B, "mbochs-small", 2)
    first = vms.start("qemu-system-x86", qemu("win10", *device(UUID_A)), ["mbochs"], groups=[1])
    until(lambda: words() == [("win10", ""), ("83b8f4f2", "Free")], words)
    tile = window.tiles[0]
    assert tile.accessibleName().startswith("win10, 83b8f4f2, Showing")
    assert UUID_A in tile.toolTip() and "qemu-system-x86" in tile.toolTip()
    window.tiles[1].click()
    tile.click()
    assert opened == [tile.source], "a free one is not opened"
    second = vms.start("qemu-system-x86", qemu("<b>debian", *device(UUID_B)), ["mbochs"], groups=[2])
    until(lambda: words() == [("win10", ""), ("<b>debian", "")], words)
    assert "&lt;b&gt;debian" in window.tiles[1].toolTip(), "Qt would read the files that markup names"
    vms.ended(first)
    until(lambda: words()[0][1] in ("VM ended", "Free"), words)
    until(lambda: words() == [("83b8f4f2", "Free"), ("<b>debian", "")], words)
    assert window.tiles[0] is tile, "a vGPU keeps its tile"
    window.shut_down()
    window.shut_down()
