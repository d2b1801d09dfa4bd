"""Runs the overview as :mod:`tests.window.overview_driver` does, on a fake Xen host with two guests.

The guest "web" shows the picture of :mod:`tests.pushed.source`, "away" belongs to a backend in another domain.
"""

import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np

from app.host.paths import HOST
from tests.pushed.source import HEIGHT, WIDTH, expected_picture
from tests.unit.hosts import Host
from tests.window.listener import Listener
from tests.window.overview_driver import OverviewDriver
from tests.xen.display_front import Screen
from tests.xen.front import wait_until
from tests.xen.guest import FakeGuest
from tests.xen.machine import FakeXen, fake_xen, opened_everywhere
from tests.xen.nodes import CONNECTED, DisplayConfig
from ui.cli.main import main
from ui.window.overview import overview
from ui.window.overview.overview_window import OverviewWindow


class XenOverviewDriver(OverviewDriver):
    """Operates the guests too."""

    def end_guest(self) -> None:
        XEN.destroy(WEB, keep_backend=False)


class _DrivenWindow(OverviewWindow):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._listener = Listener(XenOverviewDriver(self))


def show_one_picture(guest: FakeGuest) -> None:
    wait_until(lambda: guest.display.state == CONNECTED, lambda: "a viewer", 60.0)
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., :3] = expected_picture(1, cursor=False)[..., ::-1]
    Screen(guest.display, WIDTH, HEIGHT).show(pixels.tobytes())


def two_guests(xen: FakeXen) -> FakeGuest:
    """Returns the one that can be shown."""
    display = DisplayConfig((("id0", WIDTH, HEIGHT),))
    web, away = xen.create("web", [display]), xen.create("away", [display])
    xen.tree.write_all([(f"{away.home}/device/vdispl/0/backend-id", "3")])
    return web


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, fake_xen() as XEN, opened_everywhere(XEN):
        host = Host(Path(folder))
        (host.paths.dev / "xen").mkdir(parents=True)
        # A backend's claim names its process.
        (host.paths.proc / str(os.getpid())).symlink_to(f"/proc/{os.getpid()}")
        for each in ("sys", "dev", "proc", "modules"):
            # Every function has this object as its default.
            object.__setattr__(HOST, each, getattr(host.paths, each))
        WEB = two_guests(XEN)
        program = threading.Thread(target=show_one_picture, args=(WEB,), daemon=True)
        program.start()
        vars(overview)["OverviewWindow"] = cast("Any", _DrivenWindow)
        sys.exit(main(sys.argv[1:]))
