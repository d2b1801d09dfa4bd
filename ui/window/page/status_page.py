"""The page in place of the picture: text that can be selected and is read by screen readers, and buttons."""

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QContextMenuEvent, QMouseEvent, QPalette, QResizeEvent
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.window.inspector.wrapped_text import WrappedText
from ui.window.page.page_content import PageAction, PageContent
from ui.window.picture.picture_text import HEADING_COLOUR, HINT_COLOUR, PICTURE_BACKGROUND

_REASON_COLOUR = QColor(150, 157, 170)
_BUTTON = QColor(52, 56, 64)
_ACCENT = QColor(60, 120, 200)
_DISABLED = QColor(110, 116, 126)
_WIDTH = 560
_MARGIN = 16
_SPACING = 8


def page_palette() -> QPalette:
    """Dark, as the area around a picture is, whatever the desktop's colours are."""
    palette = QPalette(_BUTTON, PICTURE_BACKGROUND)
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(role, HEADING_COLOUR)
        palette.setColor(QPalette.ColorGroup.Disabled, role, _DISABLED)
    palette.setColor(QPalette.ColorRole.Base, PICTURE_BACKGROUND)
    palette.setColor(QPalette.ColorRole.Highlight, _ACCENT)
    palette.setColor(QPalette.ColorRole.HighlightedText, HEADING_COLOUR)
    return palette


class StatusPage(QWidget):
    """Shows a :class:`PageContent`. ``pressed`` carries the :class:`PageAction` of a button.

    ``clicked`` is a click beside the texts and the buttons; ``menu_wanted`` the same with the right button.
    """

    pressed = pyqtSignal(object)
    clicked = pyqtSignal()
    menu_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPalette(page_palette())
        self.setAutoFillBackground(True)
        self._content = PageContent("")
        self._heading = _text("Heading", HEADING_COLOUR, 2.0, bold=True)
        self._sentence = _text("What happened", HINT_COLOUR, 1.1)
        self._remedy = _text("Remedy", HINT_COLOUR, 1.1)
        self._evidence = _text("Evidence", _REASON_COLOUR, 0.9)
        self._notes = _text("Further findings", _REASON_COLOUR, 0.9)
        self._notice = _text("Notice", HEADING_COLOUR, 1.0)
        self.buttons = _Buttons()
        self.buttons.pressed.connect(self.pressed)
        column = QWidget()
        column.setMaximumWidth(_WIDTH)
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        layout = QVBoxLayout(column)
        layout.setSpacing(_SPACING)
        for each in (self._heading, self._sentence, self._remedy, self._evidence, self._notes):
            layout.addWidget(each)
        layout.addSpacing(_SPACING)
        layout.addWidget(self.buttons)
        inner = QWidget()
        centred = QHBoxLayout(inner)
        centred.setContentsMargins(0, 0, 0, 0)
        centred.addStretch(1)
        centred.addWidget(column, 1000, Qt.AlignmentFlag.AlignVCenter)
        centred.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area, 1)
        below = QVBoxLayout()
        below.setContentsMargins(_MARGIN, 0, _MARGIN, _MARGIN)
        below.addWidget(self._notice)
        self._notice.hide()
        outer.addLayout(below)

    @property
    def content(self) -> PageContent:
        """What is shown now."""
        return self._content

    def show_content(self, content: PageContent, actions: tuple[PageAction, ...]) -> None:
        """Show this. What is selected in a text stays selected while the page says the same."""
        is_same = (content.heading, content.sentence) == (self._content.heading, self._content.sentence)
        self._content = content
        texts = (content.heading, content.sentence, content.remedy, content.evidence, "\n".join(content.notes))
        for widget, text in zip(self._texts(), texts, strict=True):
            # What a user selects in the evidence is not taken away because a time in it goes on.
            if not (is_same and widget.textCursor().hasSelection()):
                widget.show_text(text)
        # A screen reader says this when the focus comes to a button.
        self.setAccessibleName(content.heading)
        self.setAccessibleDescription(" ".join(each for each in texts[1:3] if each))
        self.buttons.show_actions(actions, self.accessibleDescription())

    def show_notice(self, text: str) -> None:
        """Show a notice at the lower edge; an empty text shows none."""
        self._notice.show_text(text)

    def focus_first(self) -> None:
        """Give the focus to the first button."""
        self.buttons.focus_first()

    def _texts(self) -> tuple["_PageText", ...]:
        return (self._heading, self._sentence, self._remedy, self._evidence, self._notes)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None:
            self.menu_wanted.emit()
            event.accept()


class _PageText(WrappedText):
    """A text in the middle of the page; hidden while it is empty, and then ``name`` is what it is for."""

    def __init__(self, name: str, *, bold: bool = False) -> None:
        super().__init__("", bold=bold)
        self._name = name
        self.setAccessibleName(name)

    def show_text(self, text: str) -> None:
        if text != self.toPlainText():
            self.set_text(text)
            self.setAccessibleName(text or self._name)
        self.setVisible(bool(text))


def _text(name: str, colour: QColor, size: float, *, bold: bool = False) -> _PageText:
    widget = _PageText(name, bold=bold)
    font = widget.font()
    font.setPointSizeF(font.pointSizeF() * size)
    widget.setFont(font)
    palette = page_palette()
    palette.setColor(QPalette.ColorRole.Text, colour)
    widget.setPalette(palette)
    document = widget.document()
    assert document is not None
    option = document.defaultTextOption()
    option.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    document.setDefaultTextOption(option)
    return widget


class _Buttons(QWidget):
    """One button for each action, in as few rows as fit."""

    pressed = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._shown: tuple[PageAction, ...] = ()
        self._buttons: dict[PageAction, QPushButton] = {}
        for action in PageAction:
            button = QPushButton(action.text, self)
            # A click leaves the keyboard with the guest, if it has it.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            # Enter presses it.
            button.setAutoDefault(True)
            button.clicked.connect(lambda _checked, action=action: self.pressed.emit(action))
            button.hide()
            self._buttons[action] = button

    def show_actions(self, actions: tuple[PageAction, ...], description: str) -> None:
        self._shown = actions
        for action, button in self._buttons.items():
            button.setVisible(action in actions)
            button.setAccessibleDescription(description)
        self._arrange()

    def focus_first(self) -> None:
        if self._shown:
            self._buttons[self._shown[0]].setFocus(Qt.FocusReason.OtherFocusReason)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(200, self.height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        buttons = [self._buttons[each] for each in self._shown]
        sizes = {each: each.sizeHint().expandedTo(each.minimumSizeHint()) for each in buttons}
        rows: list[list[QPushButton]] = []
        for button in buttons:
            if rows and _row_width([*rows[-1], button], sizes) <= self.width():
                rows[-1].append(button)
            else:
                rows.append([button])
        top = 0
        for row in rows:
            left = max(0, (self.width() - _row_width(row, sizes)) // 2)
            height = max(sizes[each].height() for each in row)
            for button in row:
                width = min(sizes[button].width(), self.width())
                button.setGeometry(left, top, width, height)
                left += width + _SPACING
            top += height + _SPACING
        self.setFixedHeight(max(1, top - _SPACING))


def _row_width(row: list[QPushButton], sizes: dict[QPushButton, QSize]) -> int:
    return sum(sizes[each].width() for each in row) + _SPACING * (len(row) - 1)
