"""The middle of the window: the picture, and the page in its place while there is none."""

from PyQt6.QtCore import QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QPalette, QResizeEvent, QShowEvent
from PyQt6.QtWidgets import QWidget

from app.diagnosis.picture.picture_findings import error_finding
from app.errors import MdevviewError
from app.planes.status import Status
from ui.window.page.details import DetailsCopier, WindowDetails, qt_versions
from ui.window.page.page_content import Attempt, PageAction, fault_content, page_buttons, page_content
from ui.window.page.status_page import StatusPage
from ui.window.picture.draw_requests import GRACE_MS
from ui.window.picture.picture_status import failed_imports
from ui.window.picture.picture_text import PICTURE_BACKGROUND, plane_text, status_heading
from ui.window.picture.picture_window import PictureWindow
from ui.window.widgets.menu_words import page_words, sentence

_LEAST = (160, 120)
# QWindowContainer takes a widget of one pixel at the corner for hidden, and puts the window elsewhere.
_OUT_OF_THE_WAY = QRect(0, 0, 2, 2)


class PictureArea(QWidget):
    """Owns ``content``, the widget that has the picture's window in it, and the page.

    While the page is shown, the picture's window has a few pixels: the display still asks it for pictures, so that an
    import that failed is tried again as it is drawn, and keys that go to the guest still do. Hidden, it would lose
    its surface, and under the page it cannot be: a window within a widget's window is always above it.

    ``wanted`` carries the :class:`PageAction` that the user chose. ``changed``: other actions make sense now.
    """

    wanted = pyqtSignal(object)
    changed = pyqtSignal()

    def __init__(self, picture: PictureWindow, content: QWidget, label: str) -> None:
        super().__init__()
        self._picture = picture
        self._content = content
        self._label = label
        self._attempt = Attempt()
        self._fault: MdevviewError | None = None
        self._shown = False
        self._keys_to_guest = self._grabbed = False
        # Of what a notice told last in place of the page.
        self._told: Status | None = None
        self._actions: tuple[PageAction, ...] = ()
        self.setMinimumSize(*_LEAST)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, PICTURE_BACKGROUND)
        self.setPalette(palette)
        self.setAutoFillBackground(True)
        content.setParent(self)
        self.page = StatusPage(self)
        self.page.hide()
        self.page.pressed.connect(self.wanted)
        self.page.clicked.connect(self._focus_content)
        self.page.menu_wanted.connect(picture.menu_wanted)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._switch)
        picture.state_changed.connect(self._look)
        picture.diagnosis.page_changed.connect(self._look)
        picture.shown_notice.changed.connect(self._show_notice)
        self._details = DetailsCopier(self)
        self._details.copied.connect(lambda: picture.notice("The details are in the clipboard, without private names"))

    @property
    def shows_page(self) -> bool:
        return self._shown

    @property
    def page_actions(self) -> tuple[PageAction, ...]:
        """What makes sense now, also while the picture is shown."""
        if self._fault is not None:
            return (PageAction.COPY_DETAILS, PageAction.DOCTOR)
        return page_buttons(self._picture.status, self._attempt)

    def set_label(self, label: str) -> None:
        """Another name of what is shown."""
        self._label = label
        self._look()

    def set_attempt(self, attempt: Attempt) -> None:
        """What the window does to get its device."""
        if attempt != self._attempt:
            self._attempt = attempt
            self._look()

    def show_fault(self, fault: MdevviewError) -> None:
        """Nothing can be drawn in this window. This stays so."""
        self._fault = fault
        self._look()

    def set_input(self, *, to_guest: bool, grabbed: bool) -> None:
        """Whether keys go to the guest: they then do while the page is shown, too. Otherwise they are for the page.

        While keyboard and pointer are grabbed, a notice stands for the page: a guest that restarts has no picture for
        a while, and the grab of a window that is moved out of the way would end.
        """
        if grabbed is not self._grabbed:
            self._grabbed = grabbed
            self._look()
        if to_guest is not self._keys_to_guest:
            self._keys_to_guest = to_guest
            self._place_focus()

    def copy_details(self) -> None:
        """Copy what a maintainer needs to know about this window."""
        picture, error = self._picture, self._fault or self._attempt.error
        status, session, primary = picture.status, picture.session, picture.frame.primary
        lines = [f"shown: {self._label}", f"state: {status.state.value}, reason: {status.reason.key}"]
        if status.detail:
            lines.append(f"detail: {status.detail}")
        if primary is not None:
            lines.append(f"plane: {plane_text(primary.plane)}, path: {picture.path or 'none yet'}")
            lines += failed_imports(picture.last_draw[1])
        vm = session.vm if session is not None else None
        of_vm = (vm.name, vm.id) if vm is not None else (session.guest_name if session is not None else "",)
        self._details.copy(
            WindowDetails(
                tuple(lines),
                (*((error_finding(error),) if error is not None else ()), *picture.diagnosis.findings),
                qt_versions(),
                frozenset(filter(None, (self._attempt.vm, *of_vm))),
            )
        )

    def shut_down(self) -> None:
        """Show and copy nothing any more. More calls do nothing."""
        self._timer.stop()
        self._details.close()

    def _look(self) -> None:
        wanted = self._is_wanted()
        if self._picture.shows_picture:
            self._told = None
        stands = wanted and self._grabbed
        if wanted is self._shown and not stands:
            self._timer.stop()
            if wanted:
                self._update()
        elif not self._timer.isActive() and self.isVisible():
            # The picture comes back in the middle of a draw, in which no window may be resized.
            self._timer.start(GRACE_MS if wanted else 0)
        self.changed.emit()

    def _is_wanted(self) -> bool:
        return self._fault is not None or not self._picture.shows_picture

    def _switch(self) -> None:
        wanted = self._is_wanted()
        if wanted and self._grabbed:
            self._tell_status()
        self._shown = wanted and not self._grabbed
        if self._shown:
            self._update()
        self.page.setVisible(self._shown)
        self._arrange()
        self._place_focus()

    def _tell_status(self) -> None:
        status = self._picture.status
        if status != self._told:
            self._told = status
            self._picture.notice(f"{status_heading(status)}. {sentence(page_words(status.reason.meaning))}".strip())

    def _update(self) -> None:
        picture = self._picture
        if self._fault is not None:
            content = fault_content(self._fault)
        else:
            content = page_content(self._label, picture.status, picture.diagnosis.findings, self._attempt)
        actions = self.page_actions
        had_focus = self._has_focus_in_page()
        self.page.show_content(content, actions)
        if actions != self._actions:
            self._actions = actions
            if had_focus:
                self.page.focus_first()

    def _show_notice(self) -> None:
        self.page.show_notice(self._picture.shown_notice.text)

    def _arrange(self) -> None:
        self.page.setGeometry(self.rect())
        self._content.setGeometry(_OUT_OF_THE_WAY if self._shown else self.rect())
        if self._shown:
            self._content.raise_()

    def _place_focus(self) -> None:
        focus, in_page = self._focus(), self._has_focus_in_page()
        if self._shown and not self._keys_to_guest:
            if not in_page and focus in (None, self._content):
                self._focus_page()
        elif in_page:
            self._focus_content()

    def _focus(self) -> QWidget | None:
        window = self.window()
        return window.focusWidget() if window is not None else None

    def _has_focus_in_page(self) -> bool:
        focus = self._focus()
        return focus is not None and self.page.isAncestorOf(focus)

    def _focus_page(self) -> None:
        if QGuiApplication.focusWindow() is self._picture:
            # On X11 the picture's window has the keys.
            self.activateWindow()
        self.page.focus_first()

    def _focus_content(self) -> None:
        self._content.setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().showEvent(event)
        self._look()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._arrange()
