"""The panels beside the picture: latency, inspector, check of this host. Each is made when it is first shown."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow

from app.host.python_packages import install_remedy
from ui.window.host_check import Examine, HostCheck
from ui.window.picture.picture_window import PictureWindow

if TYPE_CHECKING:
    from ui.window.inspector.inspector import Inspector
    from ui.window.latency.latency_panel import LatencyPanel

_log = logging.getLogger(__name__)


class Panels:
    """Owns the panels of one window. The latency panel and the inspector follow their actions."""

    def __init__(
        self,
        window: QMainWindow,
        picture: PictureWindow,
        focus_picture: Callable[[], None],
        examine_host: Examine | None = None,
    ) -> None:
        """``focus_picture`` gives the focus back to the picture."""
        self._window = window
        self._picture = picture
        self._focus_picture = focus_picture
        self.latency: LatencyPanel | None = None
        self.inspector: Inspector | None = None
        self.host_check = HostCheck(window, examine_host) if examine_host is not None else None

    def show_latency(self, action: QAction, on: bool) -> None:
        panel, self.latency = self.latency, None
        if panel is not None:
            panel.close()
            panel.deleteLater()
        if not on:
            return
        try:
            # pyqtgraph is optional, and takes time and memory.
            from ui.window.latency.latency_panel import LatencyPanel  # noqa: PLC0415
        except ImportError as error:
            _log.info("no latency panel: %s", error)
            remedy = install_remedy("pyqtgraph", "python3-pyqtgraph")
            self._picture.notice(f"The latency panel needs pyqtgraph: {remedy}")
            action.setChecked(False)
            return
        self.latency = LatencyPanel(self._picture, self._window)
        self.latency.closed.connect(lambda: action.setChecked(False))
        # The window's keys work in the panel too.
        self.latency.addActions(self._window.actions())
        self.latency.show()

    def show_inspector(self, action: QAction, on: bool) -> None:
        inspector, self.inspector = self.inspector, None
        if inspector is not None:
            inspector.close()
            self._focus_picture()
        if on:
            # Few users need it, and it takes time and memory.
            from ui.window.inspector.inspected_picture import open_inspector  # noqa: PLC0415

            self.inspector = open_inspector(self._window, self._picture)
            self.inspector.closed.connect(lambda: action.setChecked(False))

    def show_findings(self, action: QAction) -> None:
        """Open the inspector, and there the findings: why the picture is shown as it is, and what to do."""
        action.setChecked(True)
        assert self.inspector is not None
        self.inspector.show_findings()

    def check_host(self) -> None:
        if self.host_check is not None:
            self.host_check.show()

    def close_inspector(self) -> None:
        """The next window has no inspector, and is smaller by its size."""
        inspector, self.inspector = self.inspector, None
        if inspector is not None:
            inspector.close()

    def close(self) -> None:
        """Close all; more calls do nothing."""
        self.close_inspector()
        latency, self.latency = self.latency, None
        if latency is not None:
            latency.close()
            latency.deleteLater()
        if self.host_check is not None:
            self.host_check.close()
