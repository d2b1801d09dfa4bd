"""The guest's resolution: a menu of modes, and following the window.

The menu asks through the session's :class:`app.open.session.ResolutionControl`: for a VFIO device, that sets an EDID;
for QEMU's D-Bus display, that tells the size of the window.
Each request costs the guest a mode switch: so there is one at a time, and none while the window is being resized.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup
from PyQt6.QtWidgets import QInputDialog, QMenu, QWidget

from app.edid.fit import fitting_mode
from app.edid.make import DEFAULT_DPI
from app.edid.mode import DEFAULT_HZ, Limits, Mode, parse_mode
from app.edid.physical_dpi import physical_dpi
from app.errors import ResolutionRefused, error_text
from app.open.session import ResolutionControl
from ui.window.picture.picture_window import PictureWindow
from ui.window.widgets.menu_words import menu_words, sentence
from ui.window.widgets.tool_tip import plain_tool_tip

_log = logging.getLogger(__name__)

# How long a window must keep its size before the guest is asked for that size.
RESIZE_DELAY_MS = 700
_MS = 1_000_000

_COMMON = (
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1280, 800),
    (1280, 1024),
    (1366, 768),
    (1440, 900),
    (1600, 900),
    (1600, 1200),
    (1680, 1050),
    (1920, 1080),
    (1920, 1200),
    (2560, 1080),
    (2560, 1440),
    (2560, 1600),
    (3440, 1440),
    (3840, 2160),
    (5120, 2880),
    (7680, 4320),
)
NO_DEVICE = "no screen is open"


@dataclass(frozen=True, slots=True)
class Viewport:
    """The space for the guest's picture.

    ``width`` and ``height`` are device pixels, in the guest's orientation. ``ratio`` is device pixels per desktop
    pixel. ``shown`` is the size of the guest's picture now, None without one. ``dpi`` is the true density of the screen
    that the window is on, None if it is not known.
    """

    width: int
    height: int
    ratio: float
    shown: tuple[int, int] | None
    dpi: float | None = None


def viewport(picture: PictureWindow, view: QWidget) -> Viewport:
    """The space in this window, whose picture may be rotated. ``view`` has the picture and its scroll bars."""
    ratio = picture.devicePixelRatio()
    width, height = round(view.width() * ratio), round(view.height() * ratio)
    if picture.options.rotation.sideways:
        width, height = height, width
    primary = picture.frame.primary
    shown = (primary.plane.width, primary.plane.height) if primary is not None else None
    return Viewport(width, height, ratio, shown, _screen_dpi(picture, ratio))


def _screen_dpi(picture: PictureWindow, ratio: float) -> float | None:
    screen = picture.screen()
    if screen is None:
        return None
    size = screen.physicalSize()
    return physical_dpi(round(screen.size().width() * ratio), size.width(), size.height())


@dataclass(frozen=True, slots=True)
class _Request:
    mode: Mode
    dpi: float


class ResolutionMenu(QObject):
    """Asks the guest for resolutions through a control, which belongs to the session.

    ``notice`` carries a line for the user. ``get_viewport`` returns the space for the picture. No method waits. Call
    :meth:`shut_down`, :meth:`set_none` or :meth:`set_control` before the control's source is closed: a screen that is
    unplugged at that moment would stay unplugged.
    """

    notice = pyqtSignal(str)
    asked = pyqtSignal(object, bool)
    """The guest was told of a Mode, and whether the user chose it; else it is the size of the window."""

    def __init__(self, parent: QWidget, get_viewport: Callable[[], Viewport]) -> None:
        super().__init__(parent)
        self._get_viewport = get_viewport
        # None while no guest can be asked.
        self._control: ResolutionControl | None = None
        self._limits = Limits()
        self._refresh_hz = DEFAULT_HZ
        # The mode that the user wants, also after the VM's next start; the guest's last request, and its next one.
        self._wanted: Mode | None = None
        self._last_request: _Request | None = None
        self._next: _Request | None = None
        self._busy = False
        self._step_timer = self._timer(self._step)
        self._resize_timer = self._timer(self._fit)
        self._menu = QMenu("&Resolution", parent)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self._check_current_size)
        self._sizes: dict[tuple[int, int], QAction] = {}
        # One of them, or none: a guest may have a size that is not in the menu.
        self._group = QActionGroup(self)
        self._group.setExclusionPolicy(QActionGroup.ExclusionPolicy.ExclusiveOptional)
        self._follow = QAction("&Follow the window", self)
        self._follow.setCheckable(True)
        self._follow.toggled.connect(self._set_following)
        self._fill(NO_DEVICE)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def menu(self) -> QMenu:
        """The menu, for the menu bar; it belongs to the parent."""
        return self._menu

    def set_control(self, control: ResolutionControl) -> None:
        """Ask another guest from now on. A request to the old one is finished first."""
        self._finish()
        self._control, self._last_request = None, None
        refusal = control.refusal
        if refusal is not None:
            self._fill(refusal.message)
            if self._wanted is not None or self.following:
                self.notice.emit(str(refusal))
            return
        self._control, self._limits = control, control.limits
        self._fill(None)
        if self._wanted is not None:
            self._ask_unless_set(self._wanted)
        self.resized()

    def set_none(self, reason: str = NO_DEVICE) -> None:
        """Ask no guest from now on, for that reason. A request that was begun is finished first."""
        self._finish()
        self._control, self._last_request = None, None
        self._fill(reason)

    @property
    def following(self) -> bool:
        return self._follow.isChecked()

    def follow(self, on: bool) -> None:
        """Keep the guest's screen as large as the window, or stop that."""
        self._follow.setChecked(on)

    def ask(self, mode: Mode) -> None:
        """Ask for this mode now, or as soon as there is a device, and again after each start of the VM.

        The guest's screen does not follow the window any more.
        """
        self.follow(False)
        self._wanted, self._refresh_hz = mode, mode.refresh_hz
        if self._control is not None:
            self._ask(_Request(mode, DEFAULT_DPI))

    def clear_request(self) -> None:
        """Another device was chosen: it is not asked for the mode that the one before was asked for."""
        self.follow(False)
        self._wanted, self._refresh_hz = None, DEFAULT_HZ

    def resized(self) -> None:
        """The window, its pixel ratio or how the picture is turned has changed."""
        if self.following and self._control is not None:
            self._resize_timer.start(RESIZE_DELAY_MS)

    def shut_down(self) -> None:
        """Stop, with the screen plugged in. More calls do nothing."""
        self._finish()
        self._control = None

    def _finish(self) -> None:
        self._step_timer.stop()
        self._resize_timer.stop()
        self._next = None
        self._busy = False
        if self._control is not None:
            self._control.finish()

    # Following.

    def _set_following(self, on: bool) -> None:
        if on:
            self._wanted = None
            self._last_request = None
            self._fit()
        else:
            self._resize_timer.stop()

    def _fit(self) -> None:
        room = self._get_viewport()
        if self._control is None or min(room.width, room.height) < 1:
            return
        mode = fitting_mode(room.width, room.height, self._limits, self._refresh_hz)
        if mode is None:
            self.notice.emit(f"There is no mode of {room.width}x{room.height} for this screen")
            return
        size = (mode.width, mode.height)
        asked = self._last_request.mode if self._last_request is not None else None
        # Not the size that the guest has, nor a size that it was asked for and did not take.
        if size == room.shown or (asked is not None and size == (asked.width, asked.height)):
            return
        # A screen of the window's size in millimetres. Where the desktop does not know that, a guest on a screen of
        # twice the density draws everything twice as large, as the desktop around it does.
        self._ask(_Request(mode, room.dpi or DEFAULT_DPI * room.ratio))

    # Asking.

    def _ask_unless_set(self, mode: Mode) -> None:
        """Ask, unless the guest has this mode already: that spares it a mode switch."""
        assert self._control is not None
        if not self._control.is_set(mode) or self._get_viewport().shown not in (None, (mode.width, mode.height)):
            self._ask(_Request(mode, DEFAULT_DPI))

    def _ask(self, request: _Request) -> None:
        """Begin a request, after the one that has begun."""
        if self._busy:
            self._next = request
            return
        assert self._control is not None
        try:
            self._control.begin(request.mode, request.dpi)
        except ResolutionRefused as refusal:
            self.notice.emit(str(refusal))
            return
        self._last_request, self._busy = request, True
        self._step()

    def _step(self) -> None:
        assert self._control is not None
        try:
            left = self._control.step()
        except OSError as error:
            _log.info("setting the resolution: %s", error_text(error))
            self._last_request = None
            self.notice.emit(f"The resolution was not set: {error_text(error)}")
        except ResolutionRefused as refused:
            self._last_request = None
            self.notice.emit(sentence(menu_words(str(refused))))
            if self._control.refusal is not None:
                # It will refuse every mode.
                self._next, self._busy, self._control = None, False, None
                self._fill(refused.message)
                return
        else:
            if left is not None:
                self._step_timer.start(-(-left // _MS))
                return
            assert self._last_request is not None
            _log.info("asked the guest for %s", self._last_request.mode)
            self.asked.emit(self._last_request.mode, not self.following)
        self._busy = False
        request, self._next = self._next, None
        if request is not None and request != self._last_request:
            self._ask(request)

    # The menu.

    def _fill(self, reason: str | None) -> None:
        """Fill the menu: disabled if there is a ``reason``, else with the possible modes."""
        self._menu.clear()
        self._sizes = {}
        if reason is not None:
            line = self._menu.addAction(f"Off: {reason}")
            assert line is not None
            line.setEnabled(False)
            self._menu.addSeparator()
        self._menu.addAction(self._follow)
        self._follow.setToolTip(plain_tool_tip(reason or ""))
        self._menu.addSeparator()
        for width, height in _COMMON:
            if reason is not None or not self._possible(width, height):
                continue
            action = self._menu.addAction(f"{width} × {height}")
            assert action is not None
            action.setCheckable(True)
            self._group.addAction(action)
            action.triggered.connect(lambda _, size=(width, height): self._choose(*size))
            self._sizes[width, height] = action
        other = self._menu.addAction("&Other…")
        assert other is not None
        other.triggered.connect(self._ask_for_other)
        for each in (self._follow, other):
            each.setEnabled(reason is None)

    def _possible(self, width: int, height: int) -> bool:
        assert self._control is not None
        try:
            self._control.check(Mode(width, height))
        except ResolutionRefused:
            return False
        return True

    def _check_current_size(self) -> None:
        shown = self._get_viewport().shown
        for size, action in self._sizes.items():
            action.setChecked(size == shown)

    def _choose(self, width: int, height: int) -> None:
        self.ask(Mode(width, height, self._refresh_hz))

    def _ask_for_other(self, _checked: bool = False, text: str = "", problem: str = "") -> None:
        parent = self.parent()
        dialog = QInputDialog(parent if isinstance(parent, QWidget) else None)
        dialog.setWindowTitle("Resolution — mdevview")
        most = " × ".join(str(each or "any") for each in (self._limits.max_width, self._limits.max_height))
        limit = f", at most {most}" if self._limits.max_width or self._limits.max_height else ""
        label = f"Width x height, with @ and the refresh rate where it is not 60 Hz{limit}:"
        dialog.setLabelText(f"{problem}\n\n{label}" if problem else label)
        shown = self._get_viewport().shown
        dialog.setTextValue(text or str(Mode(*shown or (1024, 768), self._refresh_hz)))
        dialog.textValueSelected.connect(self._other)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _other(self, text: str) -> None:
        try:
            mode = parse_mode(text)
            if self._control is not None:
                self._control.check(mode)
        except ValueError as error:
            self._ask_for_other(text=text, problem=str(error))
        except ResolutionRefused as refusal:
            self._ask_for_other(text=text, problem=f"{refusal.message}\n{refusal.remedy}")
        else:
            self.ask(mode)
