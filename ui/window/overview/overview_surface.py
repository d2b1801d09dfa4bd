"""The surface of the overview: one OpenGL surface for the pictures of all tiles, with the tiles as widgets above it.

Each tile's picture is a texture that is drawn again only when its source changed. The surface keeps its pixels too, so
a change of one tile draws only that tile; if nothing changed, nothing is drawn and nothing is swapped.
"""

import logging

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QGuiApplication, QPalette, QResizeEvent, QWheelEvent
from PyQt6.QtOpenGLWidgets import QOpenGLWidget
from PyQt6.QtWidgets import QScrollBar, QWidget

from app.host.gpu import AUTO, GpuChoice
from app.planes.frame import Frame
from app.planes.pixel_samples import Look
from app.planes.status import Reason, Status
from gl import api
from gl.bridge_choice import bridge_origin
from gl.compositor import Colour
from gl.context import CurrentContext
from gl.errors import GlError, GraphicsError
from gl.thumbnail import Thumbnail, Thumbnails
from ui.window.overview.overview_layout import Grid, Step, lay_out
from ui.window.overview.overview_source import OverviewSource
from ui.window.overview.overview_tile import Tile
from ui.window.picture.gl_surface import display_origin, made_current
from ui.window.picture.picture_text import PICTURE_BACKGROUND

_log = logging.getLogger(__name__)

_CARD: Colour = (PICTURE_BACKGROUND.redF(), PICTURE_BACKGROUND.greenF(), PICTURE_BACKGROUND.blueF())
# A step of the wheel is an eighth of a degree (QWheelEvent::angleDelta), a notch is 15 degrees.
_PIXELS_PER_NOTCH = 80


class OverviewSurface(QOpenGLWidget):
    """Draws the pictures of the tiles, lays the tiles out and scrolls them by ``bar``.

    ``unusable`` says why OpenGL cannot be used at all.
    """

    unusable = pyqtSignal(str)

    def __init__(self, bar: QScrollBar, parent: QWidget | None = None, gpu: GpuChoice = AUTO) -> None:
        super().__init__(parent)
        self._gpu = gpu
        self.setUpdateBehavior(QOpenGLWidget.UpdateBehavior.PartialUpdate)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._bar = bar
        self._bar.valueChanged.connect(self._place_tiles)
        self._tiles: list[Tile] = []
        self._grid = Grid(1, (), 0)
        self._thumbnails: Thumbnails | None = None
        self._pictures: dict[Tile, Thumbnail] = {}
        self._dirty: set[Tile] = set()
        self._all_dirty = True
        self._shown = True
        self._drawn: list[Tile] = []
        self.frameSwapped.connect(self._on_swapped)

    @property
    def tiles(self) -> list[Tile]:
        """The tiles in their order."""
        return self._tiles

    def set_tiles(self, sources: list[OverviewSource]) -> None:
        """Show these sources in this order; a source keeps its tile. Removed ones are released, but not closed."""
        known = {each.source: each for each in self._tiles}
        removed = [tile for source, tile in known.items() if source not in sources]
        for tile in removed:
            tile.source.gone.disconnect()
            tile.source.opened.disconnect()
            self.drop(tile)
            tile.hide()
            tile.deleteLater()
        self._tiles = [known.get(each) or self._new_tile(each) for each in sources]
        previous: QWidget | None = None
        for tile in self._tiles:
            if previous is not None:
                QWidget.setTabOrder(previous, tile)
            previous = tile
        self._lay_out()

    def _new_tile(self, source: OverviewSource) -> Tile:
        tile = Tile(source, self._move_focus, self)
        source.gone.connect(lambda: self._drop_buffers(tile))
        source.opened.connect(lambda: self._forget_picture(tile))
        source.look = lambda frame: self._look(tile, frame)
        tile.show()
        return tile

    def set_shown(self, shown: bool) -> None:
        """Whether a person can see the window."""
        if shown != self._shown:
            self._shown = shown
            self._place_tiles()

    def mark(self, tile: Tile) -> None:
        """The picture of this tile is drawn when the surface draws next."""
        self._dirty.add(tile)

    def has_picture(self, tile: Tile) -> bool:
        """Whether there is a picture of this tile, which may be an old one."""
        picture = self._pictures.get(tile)
        return picture is not None and picture.drawn

    def drop(self, tile: Tile) -> None:
        """Delete what was drawn for a tile. Before the source of the tile is closed."""
        self._dirty.discard(tile)
        picture = self._pictures.pop(tile, None)
        if picture is not None:
            with made_current(self):
                picture.release()

    def shut_down(self) -> None:
        """Delete everything of OpenGL; more calls do nothing."""
        thumbnails, self._thumbnails = self._thumbnails, None
        if thumbnails is None:
            return
        with made_current(self):
            for picture in self._pictures.values():
                picture.release()
            self._pictures.clear()
            thumbnails.release()

    def ensure_visible(self, tile: Tile) -> None:
        """Scroll so that the whole tile can be seen."""
        cell = self._grid.cells[self._tiles.index(tile)]
        margin = self._grid.cells[0].top
        if cell.top - margin < self._bar.value():
            self._bar.setValue(cell.top - margin)
        elif cell.bottom + margin > self._bar.value() + self.height():
            self._bar.setValue(cell.bottom + margin - self.height())

    def _move_focus(self, tile: Tile, step: Step) -> None:
        there = self._tiles[self._grid.neighbour(self._tiles.index(tile), step)]
        there.setFocus(Qt.FocusReason.OtherFocusReason)
        self.ensure_visible(there)

    def _drop_buffers(self, tile: Tile) -> None:
        """The picture itself stays, dimmed, until the words say something else."""
        picture = self._pictures.get(tile)
        if picture is not None:
            with made_current(self):
                picture.drop_released()

    def _forget_picture(self, tile: Tile) -> None:
        """Delete the picture of a tile, so that it is not shown under the name of another VM."""
        picture = self._pictures.get(tile)
        if picture is not None and picture.drawn:
            with made_current(self):
                picture.forget()
            self._all_dirty = True
            self.update()

    def _look(self, tile: Tile, frame: Frame) -> Look | None:
        picture = self._pictures.get(tile)
        if picture is None:
            return None
        if not picture.look_needs_context:
            return picture.look(frame)
        with made_current(self):
            return picture.look(frame)

    def initializeGL(self) -> None:  # noqa: N802  (Qt's name)
        try:
            self._thumbnails = Thumbnails(CurrentContext(display_origin(QGuiApplication.platformName())))
        except GraphicsError as error:
            self.unusable.emit(str(error))

    def resizeGL(self, _width: int, _height: int) -> None:  # noqa: N802  (Qt's name)
        self._all_dirty = True
        self._dirty.update(self._tiles)

    def paintGL(self) -> None:  # noqa: N802  (Qt's name)
        if self._thumbnails is None:
            return
        gl = self._thumbnails.context.gl
        framebuffer = self.defaultFramebufferObject()
        drawn = [tile for tile in self._tiles if self._is_due(tile) and self._draw(self._thumbnails, tile)]
        shown = drawn
        if self._all_dirty:
            self._all_dirty = False
            shown = self._tiles
            colour = self.palette().color(QPalette.ColorRole.Window)
            gl.BindFramebuffer(api.GL_FRAMEBUFFER, framebuffer)
            gl.Disable(api.GL_SCISSOR_TEST)
            gl.ColorMask(1, 1, 1, 1)
            gl.ClearColor(colour.redF(), colour.greenF(), colour.blueF(), 1.0)
            gl.Clear(api.GL_COLOR_BUFFER_BIT)
        for tile in shown:
            picture = self._pictures.get(tile)
            if picture is not None and self._is_visible(tile):
                left, bottom, width, height = self._device_rect(tile)
                picture.show(framebuffer, left, bottom, width, height)
        gl.BindFramebuffer(api.GL_FRAMEBUFFER, framebuffer)
        self._drawn += drawn

    def _is_due(self, tile: Tile) -> bool:
        return (tile in self._dirty or not self.has_picture(tile)) and self._is_visible(tile)

    def _draw(self, thumbnails: Thumbnails, tile: Tile) -> bool:
        """Draw the picture of a tile. Returns whether it is a new one."""
        self._dirty.discard(tile)
        _, _, width, height = self._device_rect(tile)
        # Polled now: another consumer of the source may have polled it since, and its buffers may have changed.
        frame = tile.source.latest()
        if min(width, height) < 1 or frame is None or frame.primary is None:
            return False
        picture = self._pictures.get(tile)
        if picture is None:
            picture = self._pictures[tile] = thumbnails.add()
        picture.set_bridge(bridge_origin(thumbnails.context, self._gpu, tile.source.exporter))
        before = picture.drawn
        try:
            result = picture.draw(frame, width, height, _CARD)
        except GlError as error:
            _log.info("%s: OpenGL failed to draw the thumbnail: %s", tile.source.title, error)
            tile.source.drawn(Status(Reason.RENDER_FAILED, str(error)), picture.retry_ns)
            return False
        status = result.primary.status if result.primary is not None else Status(Reason.OK)
        tile.source.drawn(status, picture.retry_ns)
        if picture.drawn is not before:
            tile.refresh(has_picture=picture.drawn)
        return result.placement is not None

    def _on_swapped(self) -> None:
        drawn, self._drawn = self._drawn, []
        for tile in drawn:
            tile.source.shown()

    def _is_visible(self, tile: Tile) -> bool:
        return tile.geometry().intersects(self.rect())

    def _device_rect(self, tile: Tile) -> tuple[int, int, int, int]:
        """Left and bottom edge, width and height of a tile's picture, in device pixels, upwards from the bottom."""
        ratio = self.devicePixelRatioF()
        place = tile.geometry()
        left, top = round(place.left() * ratio), round(place.top() * ratio)
        right = round((place.left() + place.width()) * ratio)
        bottom = round((place.top() + tile.picture_height()) * ratio)
        return left, round(self.height() * ratio) - bottom, right - left, bottom - top

    def _lay_out(self) -> None:
        self._grid = lay_out(len(self._tiles), self.width(), self.height())
        most = max(0, self._grid.height - self.height())
        self._bar.setPageStep(self.height())
        self._bar.setSingleStep(_PIXELS_PER_NOTCH // 2)
        self._bar.setRange(0, most)
        self._bar.setVisible(most > 0)
        self._place_tiles()

    def _place_tiles(self) -> None:
        for tile, cell in zip(self._tiles, self._grid.cells, strict=True):
            if tile.size().width() != cell.width or tile.size().height() != cell.height:
                self._dirty.add(tile)
            tile.setGeometry(cell.left, cell.top - self._bar.value(), cell.width, cell.height)
            tile.source.set_visible(self._shown and self._is_visible(tile))
        self._all_dirty = True
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._lay_out()

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None:
            pixels = event.pixelDelta().y() or event.angleDelta().y() * _PIXELS_PER_NOTCH / 120
            self._bar.setValue(round(self._bar.value() - pixels))
            event.accept()

    def changeEvent(self, event: QEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is not None and event.type() is QEvent.Type.PaletteChange:
            self._all_dirty = True
            self.update()
        super().changeEvent(event)
