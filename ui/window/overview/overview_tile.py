"""One tile of the overview: a button that paints what lies over and below its picture.

The picture itself is drawn by OpenGL, see :mod:`ui.window.overview.overview_surface`. The tile paints the corners
around it, the words instead of it, the frame and the caption. A button, so that keyboard, focus and screen readers work
as usual.
"""

from collections.abc import Callable

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PyQt6.QtWidgets import QAbstractButton, QWidget

from app.planes.status import State
from ui.window.overview.overview_layout import CAPTION, Step
from ui.window.overview.overview_source import OverviewSource
from ui.window.overview.overview_text import Words
from ui.window.picture.picture_text import HEADING_COLOUR, HINT_COLOUR, PICTURE_BACKGROUND
from ui.window.widgets.tool_tip import plain_tool_tip

_RADIUS = 8.0
_FOCUS = 3.0
_MARGIN = 16.0
_DOT = 8.0
# Over the last picture of a source that shows none now.
_SHADE = QColor(PICTURE_BACKGROUND.red(), PICTURE_BACKGROUND.green(), PICTURE_BACKGROUND.blue(), 205)
_DOT_COLOURS = {
    State.SHOWING: QColor(64, 171, 98),
    State.DEGRADED: QColor(214, 158, 46),
    State.ERROR: QColor(207, 72, 72),
}
_OTHER_DOT = QColor(140, 146, 156)
_STEPS = {
    Qt.Key.Key_Left: Step.LEFT,
    Qt.Key.Key_Right: Step.RIGHT,
    Qt.Key.Key_Up: Step.UP,
    Qt.Key.Key_Down: Step.DOWN,
}


class Tile(QAbstractButton):
    """Shows the words of ``source``, which it does not own. ``move_focus`` gives the focus to a neighbour."""

    def __init__(self, source: OverviewSource, move_focus: Callable[["Tile", Step], None], parent: QWidget) -> None:
        super().__init__(parent)
        self.source = source
        self._move_focus = move_focus
        self._caption = ""
        self._words: Words | None = None
        self._dot = _OTHER_DOT
        self._has_picture = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(320, 200 + CAPTION)

    def picture_height(self) -> int:
        """The height of the part for the picture, which has the full width."""
        return max(0, self.height() - CAPTION)

    def refresh(self, *, has_picture: bool) -> bool:
        """Take over what the source says now. Returns whether anything is different; it is then painted."""
        source, status = self.source, self.source.status
        words, caption, title = source.words, source.caption(), source.title
        dot = _DOT_COLOURS.get(status.state, _OTHER_DOT) if status is not None else _OTHER_DOT
        new = (words, caption, title, dot, has_picture)
        if new == (self._words, self._caption, self.text(), self._dot, self._has_picture):
            return False
        self._words, self._caption, self._dot, self._has_picture = words, caption, dot, has_picture
        self.setText(title)
        self.setAccessibleName(f"{title}, {caption.replace(' · ', ', ')}")
        details = source.details()
        self.setAccessibleDescription(details)
        self.setToolTip(plain_tool_tip(details).replace("\n", "<br>") if "<" in details else details)
        self.update()
        return True

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is None:
            return
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if not event.isAutoRepeat():
                self.click()
        elif key in _STEPS:
            self._move_focus(self, _STEPS[key])
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None and event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.update()
        super().changeEvent(event)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = QRectF(0, 0, self.width(), self.picture_height())
        rounded = QPainterPath()
        rounded.addRoundedRect(picture, _RADIUS, _RADIUS)
        if self._words is not None or not self._has_picture:
            painter.fillPath(rounded, _SHADE if self._has_picture else PICTURE_BACKGROUND)
        corners = QPainterPath()
        corners.addRect(picture)
        painter.fillPath(corners - rounded, self.palette().color(QPalette.ColorRole.Window))
        if self._words is not None:
            self._paint_words(painter, picture, self._words)
        self._paint_frame(painter, picture)
        self._paint_caption(painter)
        painter.end()

    def _paint_frame(self, painter: QPainter, picture: QRectF) -> None:
        palette = self.palette()
        if self.hasFocus():
            pen = QPen(palette.color(QPalette.ColorRole.Highlight), _FOCUS)
        else:
            colour = palette.color(QPalette.ColorRole.WindowText)
            colour.setAlphaF(0.45 if self.underMouse() else 0.18)
            pen = QPen(colour, 1.5 if self.underMouse() else 1.0)
        half = pen.widthF() / 2
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(picture.adjusted(half, half, -half, -half), _RADIUS - half, _RADIUS - half)
        if self.isDown():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 60))
            painter.drawRoundedRect(picture, _RADIUS, _RADIUS)

    def _paint_words(self, painter: QPainter, picture: QRectF, words: Words) -> None:
        room = picture.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        if room.width() <= 0 or room.height() <= 0:
            return
        heading, hint = _font(self.font(), 1.3, bold=True), _font(self.font(), 0.95)
        flags = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        heights = []
        for text, font in ((words.heading, heading), (words.hint, hint)):
            painter.setFont(font)
            heights.append(painter.boundingRect(room, flags, text).height() if text else 0.0)
        gap = 6.0 if words.hint else 0.0
        # A hint that does not fit is in the tool tip.
        shows_hint = bool(words.hint) and sum(heights) + gap <= room.height()
        top = room.center().y() - (sum(heights) + gap if shows_hint else heights[0]) / 2
        painter.setFont(heading)
        painter.setPen(HEADING_COLOUR)
        painter.drawText(QRectF(room.left(), top, room.width(), heights[0]), flags, words.heading)
        if shows_hint:
            painter.setFont(hint)
            painter.setPen(HINT_COLOUR)
            place = QRectF(room.left(), top + heights[0] + gap, room.width(), heights[1])
            painter.drawText(place, flags, words.hint)

    def _paint_caption(self, painter: QPainter) -> None:
        palette = self.palette()
        half = (CAPTION - 6) / 2
        top = float(self.picture_height() + 6)
        bold, small = _font(self.font(), 1.0, bold=True), _font(self.font(), 0.9)
        colour = palette.color(QPalette.ColorRole.WindowText)
        line = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        painter.setFont(bold)
        painter.setPen(colour)
        width = self.width() - 4
        painter.drawText(QRectF(2, top, width, half), line, self._elided(painter, self.text(), width))
        dot = QRectF(2, top + half + (half - _DOT) / 2, _DOT, _DOT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._dot)
        painter.drawEllipse(dot)
        colour.setAlphaF(0.7)
        painter.setFont(small)
        painter.setPen(colour)
        width = round(self.width() - _DOT - 12)
        left = dot.right() + 6
        painter.drawText(QRectF(left, top + half, width, half), line, self._elided(painter, self._caption, width))

    @staticmethod
    def _elided(painter: QPainter, text: str, width: int) -> str:
        return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)


def _font(base: QFont, factor: float, bold: bool = False) -> QFont:
    font = QFont(base)
    if base.pointSizeF() > 0:
        font.setPointSizeF(base.pointSizeF() * factor)
    font.setBold(bold)
    return font
