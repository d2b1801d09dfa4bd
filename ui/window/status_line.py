"""The status line under the picture: what is shown, by which path, at which rate."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QLabel, QSizePolicy, QStatusBar, QToolButton

from app.diagnosis.finding import Finding
from app.vm.monitor import Lights
from ui.window.actions.shortcuts import shared
from ui.window.picture.picture_text import finding_text
from ui.window.widgets.elided_label import ElidedLabel
from ui.window.widgets.menu_words import menu_words
from ui.window.widgets.tool_tip import plain_tool_tip, wrapped_tool_tip

_LIGHTS = {Lights.CAPS_LOCK: "Caps", Lights.NUM_LOCK: "Num", Lights.SCROLL_LOCK: "Scroll"}
# Between the text and the edges of the window.
_MARGIN = 6


class _PathButton(QToolButton):
    """The path of the picture. Its tool tip explains it; a click opens the details."""

    def __init__(self) -> None:
        super().__init__()
        self.setAutoRaise(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        # It is higher than a label. If it came and went, the picture would change its size, and a guest that follows
        # the window would be asked for another mode.
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        # A click leaves the keyboard with the guest.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Path of the picture")
        self._tip = ""

    def show_path(self, path: str) -> None:
        if path != self.text():
            self.setText(path)
            self.setAccessibleName(f"Path of the picture: {path}")

    def explain(self, tip: str) -> None:
        if tip != self._tip:
            self._tip = tip
            self.setToolTip(wrapped_tool_tip(f"{tip}\n{_how_to_open()}" if tip else ""))
            self.setAccessibleDescription(tip)


def _how_to_open() -> str:
    key = shared().text("explain")
    return f"Click, or press {key}, for all findings." if key else "Click for all findings."


class StatusLine(QStatusBar):
    """Label, state and input on the left; the lights of the guest's keyboard, plane, path and whether the picture
    changes on the right.

    ``path_clicked``: the user wants to know more about the path.
    """

    path_clicked = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setContentsMargins(_MARGIN, 0, _MARGIN, 0)
        self._left = ElidedLabel()
        self._tip = ""
        self.addWidget(self._left, 1)
        self._lights, self._plane, self._path = QLabel(), QLabel(), _PathButton()
        # Its text is long at times, and must not make a small window wider.
        self._activity = ElidedLabel()
        self._activity.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._activity.setMinimumWidth(self._activity.fontMetrics().horizontalAdvance("144 fps"))
        self._plane.setTextFormat(Qt.TextFormat.PlainText)
        for widget in (self._lights, self._plane, self._path, self._activity):
            self.addPermanentWidget(widget)
        self.show_lights(None)
        self._path.clicked.connect(self.path_clicked)

    def show_state(self, label: str, state: str, input_text: str, finding: Finding | None = None) -> None:
        """``finding`` is the one that the user should read first; None for none. The tool tip has all of it."""
        found = f"{menu_words(finding_text(finding))} — " if finding is not None else ""
        text = f"{label} — {state} — {found}{menu_words(input_text)}"
        tip = f"{text}\n{finding.key}: {finding.evidence}" if finding is not None and finding.evidence else text
        if text != self._left.text() or tip != self._tip:
            self._tip = tip
            self._left.setText(text)
            self._left.setToolTip(plain_tool_tip(tip))

    def show_lights(self, lights: Lights | None) -> None:
        """Name the lights of the guest's keyboard that are on. None: they are not known."""
        on = [word for light, word in _LIGHTS.items() if lights is not None and light in lights]
        text = " ".join(on)
        if text != self._lights.text():
            words = f"Lights of the guest's keyboard: {', '.join(f'{word} Lock' for word in on)}"
            self._lights.setText(text)
            self._lights.setAccessibleName(words)
            self._lights.setToolTip(plain_tool_tip(words))
        self._lights.setVisible(bool(text))

    def show_picture(self, plane: str, path: str, activity: str) -> None:
        """Each may be empty: then its widget is hidden."""
        for label, text in ((self._plane, plane), (self._activity, activity)):
            label.setText(text)
            label.setVisible(bool(text))
        self._path.show_path(path)
        self._path.setVisible(bool(path))

    def explain_path(self, tip: str) -> None:
        """Set the tool tip of the path, which may have several lines."""
        self._path.explain(menu_words(tip))
