"""Copies what a maintainer needs to know about the window, without private names. A thread reads the host's names."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, qVersion
from PyQt6.QtGui import QGuiApplication

from app.diagnosis.finding import Finding
from app.diagnosis.report.private_names import private_names
from app.diagnosis.report.private_text import PrivateNames
from app.diagnosis.report.report import window_report_text
from app.errors import MdevviewError
from app.host.scan import HostScan
from app.host.screens import HostScreens
from app.host.versions import installed_versions
from app.open.host_screens import find_screens
from ui.window.inspector.copying import copy_text

_log = logging.getLogger(__name__)

_TICK_MS = 50
# At the end of the window: a scan of the host takes a part of a second.
_JOIN_S = 0.5


def qt_versions() -> tuple[tuple[str, str], ...]:
    """What shows the window, for :class:`WindowDetails`."""
    return ("Qt", qVersion() or ""), ("Qt's platform", QGuiApplication.platformName())


@dataclass(frozen=True, slots=True)
class WindowDetails:
    """``lines`` say what the window shows. ``vms`` are names of VMs that must not be told."""

    lines: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    vms: frozenset[str] = frozenset()


class DetailsCopier(QObject):
    """Owns one thread at a time. ``copied`` fires when the details are in the clipboard. Only :meth:`close` waits."""

    copied = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._texts: list[str] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._look)

    def copy(self, details: WindowDetails) -> None:
        """Begin; nothing while that is done already."""
        if self._thread is not None:
            return
        texts = self._texts = []
        thread = threading.Thread(target=_write, args=(details, texts), name="page-details", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            _log.warning("the details cannot be copied: %s", error)
            return
        self._thread = thread
        self._timer.start()

    def close(self) -> None:
        """Copy nothing any more, and wait a short while for the thread. More calls do nothing."""
        self._timer.stop()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_JOIN_S)

    def _look(self) -> None:
        if self._texts:
            self._timer.stop()
            self._thread = None
            copy_text(self._texts[0])
            self.copied.emit()


def details_text(details: WindowDetails, names: PrivateNames, installed: Sequence[tuple[str, str]]) -> str:
    """The text of a report: ``installed`` are the versions of this host."""
    names = replace(names, vms=names.vms | {each for each in details.vms if each.strip()})
    return window_report_text(details.lines, details.findings, dict([*installed, *details.versions]), names)


def _write(details: WindowDetails, texts: list[str]) -> None:
    """Append the text, whatever fails: without a text the window would wait for ever."""
    try:
        screens = find_screens(HostScan.take())
    except (OSError, MdevviewError) as error:
        _log.info("the host's VMs are not known: %s", error)
        screens = HostScreens()
    try:
        names = private_names(screens.vgpus, displays=screens.displays, guests=screens.guests)
        texts.append(details_text(details, names, [*installed_versions().items()]))
    except Exception as error:
        # Nothing that may be private is told then.
        _log.info("no details: %s", error)
        texts.append(f"mdevview: the details cannot be written: {type(error).__name__}")
