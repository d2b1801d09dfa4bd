"""Shares the desktop's clipboard with the guest, as text and in both directions, while the user wants it.

It is off at each start and for each session. Only while the window is active does a text go either way: a VM behind
other windows learns nothing that is copied meanwhile, and changes nothing of what the user wants to paste.
"""

from contextlib import suppress

from PyQt6.QtCore import QEvent, QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QClipboard, QGuiApplication
from PyQt6.QtWidgets import QMenu, QWidget

from app.open.session import Clipboard
from ui.window.widgets.menu_words import menu_words, sentence
from ui.window.widgets.off_row import menu_text
from ui.window.widgets.tool_tip import plain_tool_tip

_TIP = "What is copied here can be pasted in the guest, and the other way round, while this window is in use"
_NO_DISPLAY = "no D-Bus display: a VM has one with -display dbus"
# A guest that copies something all the time is not asked more often.
_PAUSE_MS = 250
# A menu must fit on a small screen. The tool tip has the rest of the reason.
_LONGEST = 28
# Password managers mark a password so; KDE began it, and clipboard managers keep none that is marked.
_SECRET = "x-kde-passwordManagerHint"


class SharedClipboard(QObject):
    """Follows the desktop's clipboard and the window. The session owns its clipboard; ``notice`` tells something."""

    notice = pyqtSignal(str)
    _changed = pyqtSignal(int)
    _fetched = pyqtSignal(int, object, str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._action: QAction | None = None
        self._text = ""
        self._guest: Clipboard | None = None
        self._desktop: QClipboard | None = QGuiApplication.clipboard()
        # Counts what was shared: what a VM says late is not for the next one.
        self._number = 0
        self._shares = False
        self._known: str | None = None
        """What both sides have, or what the guest was told to be here."""
        self._is_fetching = self._wants_fetch = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._fetch)
        self._changed.connect(self._on_changed)
        self._fetched.connect(self._on_fetched)
        if self._desktop is not None:
            self._desktop.dataChanged.connect(self._offer)
        window.installEventFilter(self)

    def set_action(self, action: QAction) -> None:
        """The row of the menu that switches it on and off. It tells whether that can be when its menu opens."""
        self._action, self._text = action, action.text()
        for menu in action.associatedObjects():
            if isinstance(menu, QMenu):
                menu.aboutToShow.connect(self._show)
        self._show()

    def set_clipboard(self, guest: Clipboard | None) -> None:
        """The guest is another one from now on, or there is none (None). Nothing is shared with it yet."""
        self._uncheck()
        self._guest = guest
        self._show()

    def shut_down(self) -> None:
        """Share no longer: the window is closed."""
        self._window.removeEventFilter(self)
        self.set_clipboard(None)

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802  (Qt's name)
        if event is not None and event.type() == QEvent.Type.WindowActivate and self._shares:
            self._offer()
            self._fetch()
        return False

    def switch(self, on: bool) -> None:
        """The user wants to share the clipboard, or no longer."""
        guest = self._guest
        self._number += 1
        self._known = None
        self._is_fetching = self._wants_fetch = False
        self._shares = on and guest is not None
        if guest is None:
            return
        number = self._number
        guest.share((lambda: self._tell_changed(number)) if on else None)
        if on and not self._has_ended():
            self._offer()

    def _offer(self) -> None:
        """Offer the desktop's text to the guest, if it is another one."""
        if not self._shares or self._guest is None or self._desktop is None or not self._window.isActiveWindow():
            return
        contents = self._desktop.mimeData()
        is_secret = contents is not None and contents.hasFormat(_SECRET)
        text = "" if is_secret else self._desktop.text()
        if text == (self._known or ""):
            return
        self._known = text
        # Of two texts that the window has not passed on, that of this desktop counts.
        self._wants_fetch = False
        if why_not := self._guest.offer(text):
            self.notice.emit(sentence(why_not))

    def _fetch(self) -> None:
        """Ask for the guest's text if it is due."""
        is_due = self._wants_fetch and not self._is_fetching and not self._pause.isActive()
        if not is_due or self._guest is None or not self._window.isActiveWindow():
            return
        self._wants_fetch, self._is_fetching = False, True
        self._pause.start()
        number = self._number
        self._guest.fetch(lambda text, why_not: self._tell_fetched(number, text, why_not))

    def _tell_changed(self, number: int) -> None:
        """Called on any thread, maybe after the window is gone."""
        with suppress(RuntimeError):
            self._changed.emit(number)

    def _tell_fetched(self, number: int, text: str | None, why_not: str) -> None:
        """As above."""
        with suppress(RuntimeError):
            self._fetched.emit(number, text, why_not)

    def _on_changed(self, number: int) -> None:
        if number == self._number and self._shares and not self._has_ended():
            self._wants_fetch = True
            self._fetch()

    def _has_ended(self) -> bool:
        """Whether it cannot be shared any more: then it is switched off, and the user is told why."""
        why_not = self._guest.why_not if self._guest is not None else ""
        if why_not:
            self._uncheck()
            self._show()
            self.notice.emit(f"The clipboard is not shared: {menu_words(why_not)}")
        return bool(why_not)

    def _on_fetched(self, number: int, text: str | None, why_not: str) -> None:
        if number != self._number:
            return
        self._is_fetching = False
        if text is not None and self._desktop is not None:
            self._known = text
            self._desktop.setText(text)
        elif why_not:
            self.notice.emit(sentence(why_not))
        self._fetch()

    def _uncheck(self) -> None:
        if self._action is not None:
            self._action.setChecked(False)

    def _show(self) -> None:
        """Show whether it can be switched on, and why not."""
        if self._action is None:
            return
        why_not = menu_words(self._guest.why_not) if self._guest is not None else _NO_DISPLAY
        self._action.setEnabled(self._shares or not why_not)
        short = menu_text(why_not.partition(":")[0], _LONGEST)
        self._action.setText(self._text + (f" ({short})" if short else ""))
        self._action.setToolTip(plain_tool_tip(f"Off: {why_not}" if why_not else _TIP))
