"""The place of the picture in the window, with scroll bars where the picture is larger."""

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QScrollBar, QWidget

from app.planes.placement import Placement, Rect
from app.planes.zoom import Bars

# Of the visible part, for one step of a bar.
_STEPS = 20


class ScrolledPicture(QWidget):
    """Has the picture's container and the bars. A bar counts device pixels.

    ``scrolled``: the user wants the picture's left and top edge so many device pixels outside.
    """

    scrolled = pyqtSignal(int, int)
    resized = pyqtSignal()

    def __init__(self, container: QWidget) -> None:
        super().__init__()
        self._across = QScrollBar(Qt.Orientation.Horizontal)
        self._across.setAccessibleName("Left and right part of the picture")
        self._down = QScrollBar(Qt.Orientation.Vertical)
        self._down.setAccessibleName("Upper and lower part of the picture")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(container, 0, 0)
        layout.addWidget(self._down, 0, 1)
        layout.addWidget(self._across, 1, 0)
        layout.setRowStretch(0, 1)
        layout.setColumnStretch(0, 1)
        for bar in (self._across, self._down):
            bar.hide()
            bar.valueChanged.connect(self._emit)

    @property
    def thickness(self) -> int:
        """Of a bar, in device-independent pixels."""
        return self._down.sizeHint().width()

    def area(self, bars: Bars) -> Rect:
        """The place that these bars leave for the picture, in its device pixels."""
        ratio = self.devicePixelRatioF()
        width = self.width() - (self.thickness if bars.vertical else 0)
        height = self.height() - (self.thickness if bars.horizontal else 0)
        return Rect(0, 0, max(0, round(width * ratio)), max(0, round(height * ratio)))

    def show_part(self, bars: Bars, placement: Placement | None) -> None:
        """Show these bars, for the visible part of the placement."""
        self._across.setVisible(bars.horizontal)
        self._down.setVisible(bars.vertical)
        if placement is None:
            return
        where, area = placement.place, placement.area
        _set(self._across, area.left - where.left, where.width, area.width)
        _set(self._down, area.top - where.top, where.height, area.height)

    def event(self, event: QEvent | None) -> bool:
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.Resize:
            self.resized.emit()
        return done

    def _emit(self) -> None:
        self.scrolled.emit(self._across.value(), self._down.value())


def _set(bar: QScrollBar, value: float, length: float, page: float) -> None:
    bar.blockSignals(True)
    bar.setPageStep(int(page))
    bar.setSingleStep(max(1, int(page) // _STEPS))
    bar.setRange(0, max(0, int(length - page)))
    bar.setValue(max(0, int(value)))
    bar.blockSignals(False)
