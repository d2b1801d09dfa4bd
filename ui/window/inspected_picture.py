"""What the inspector shows of a window: read from what was drawn, without a question to the device."""

from collections import deque
from datetime import datetime

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QImage, QKeySequence
from PyQt6.QtWidgets import QMainWindow

from app.diagnosis.finding import Finding
from app.diagnosis.picture_facts import FormatSupport
from app.planes.buffer_facts import BufferFacts
from app.planes.frame import Frame
from app.planes.outcome import ImportFailure, Outcome
from app.planes.plane import PlaneKind
from app.planes.plane_document import Document, plane_document, status_document
from app.planes.status import Status
from gl.buffer_thumbnail import BufferThumbnail
from gl.errors import GlError
from gl.inspection import renderer_document
from ui.window.gl_surface import made_current
from ui.window.inspector.buffer_table import THUMBNAIL
from ui.window.inspector.inspected import Event
from ui.window.inspector.inspector import Inspector
from ui.window.inspector.state_changes import state_changes
from ui.window.picture_window import PictureWindow

_MOST_EVENTS = 1000


def open_inspector(window: QMainWindow, picture: PictureWindow, keys: QKeySequence) -> Inspector:
    """An inspector of this picture, docked in the window. The caller closes it before the picture is shut down."""
    return Inspector(window, InspectedPicture(picture, THUMBNAIL), keys)


class InspectedPicture:
    """Adapts a picture's window to :class:`ui.window.inspector.inspected.Inspected`. Owns what draws thumbnails."""

    def __init__(self, picture: PictureWindow, thumbnail: QSize) -> None:
        """``thumbnail`` is the size of thumbnails in device-independent pixels."""
        self._picture = picture
        self._size = thumbnail
        self._thumbnail: BufferThumbnail | None = None
        self.pictures = 0
        self._state: Document = {}
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        picture.frameSwapped.connect(self._count)
        picture.state_changed.connect(self._log_changes)
        picture.diagnosis.keep_current(True)

    def state(self) -> Document:
        picture = self._picture
        document: Document = status_document(picture.target, picture.status)
        document["planes"] = {
            kind.name.lower(): _plane_document(picture.frame, kind, self._outcome(kind)) for kind in PlaneKind
        }
        if picture.renderer is not None:
            document["renderer"] = renderer_document(picture.renderer.context)
        return document

    def changes(self) -> tuple[Event, ...]:
        self._log_changes()
        events = tuple(self._events)
        self._events.clear()
        return events

    def _log_changes(self) -> None:
        before, self._state = self._state, self.state()
        time = datetime.now().strftime("%H:%M:%S.%f")[:-3]
        for kind, text in state_changes(before, self._state):
            self._events.append(Event(time, kind, text))

    def buffers(self) -> tuple[BufferFacts, ...]:
        session = self._picture.session
        return session.buffers() if session is not None else ()

    def findings(self) -> tuple[Finding, ...]:
        return self._picture.diagnosis.findings

    def fourccs(self) -> tuple[int, ...]:
        renderer = self._picture.renderer
        return renderer.context.display.formats if renderer is not None else ()

    def format_support(self, fourcc: int) -> FormatSupport:
        renderer = self._picture.renderer
        modifiers = renderer.context.display.modifiers(fourcc) if renderer is not None else ()
        return FormatSupport(fourcc, tuple((each.value, each.external_only) for each in modifiers))

    def document(self) -> Document:
        return self._picture.inspect()

    def start_thumbnail(self, serial: int) -> bool:
        renderer = self._picture.renderer
        image = renderer.cached_image(serial) if renderer is not None else None
        if renderer is None or image is None:
            return False
        with made_current(self._picture):
            if self._thumbnail is None:
                ratio = self._picture.devicePixelRatio()
                size = (round(self._size.width() * ratio), round(self._size.height() * ratio))
                self._thumbnail = renderer.buffer_thumbnail(*size)
            try:
                self._thumbnail.start(image)
            except GlError:
                return False
        return True

    def take_thumbnail(self) -> QImage | None:
        if self._thumbnail is None:
            return None
        with made_current(self._picture):
            try:
                pixels = self._thumbnail.take()
            except GlError:
                return None
        if pixels is None:
            return None
        height, width, _ = pixels.shape
        image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied)
        # The image does not own the bytes.
        return image.copy()

    def release(self) -> None:
        thumbnail, self._thumbnail = self._thumbnail, None
        self._picture.frameSwapped.disconnect(self._count)
        self._picture.state_changed.disconnect(self._log_changes)
        self._picture.diagnosis.keep_current(False)
        if thumbnail is not None:
            with made_current(self._picture):
                thumbnail.release()

    def _count(self) -> None:
        self.pictures += 1

    def _outcome(self, kind: PlaneKind) -> Outcome | None:
        drawn = self._picture.drawn
        if drawn is None:
            return None
        return drawn.primary if kind is PlaneKind.PRIMARY else drawn.cursor


def _plane_document(frame: Frame, kind: PlaneKind, outcome: Outcome | None) -> Document | None:
    for rejected in frame.rejected:
        if rejected.plane.kind is kind:
            return plane_document(rejected.plane, rejected.buffer, rejected.status)
    surface = frame.primary if kind is PlaneKind.PRIMARY else frame.cursor
    if surface is None:
        return None
    status: Status = outcome.status if outcome is not None else frame.status
    path = outcome.path.value if outcome is not None and outcome.path is not None else None
    failures = outcome.failures if outcome is not None else ()
    return plane_document(surface.plane, surface.buffer, status, path, [_failure_document(each) for each in failures])


def _failure_document(failure: ImportFailure) -> Document:
    return {"rung": failure.method.value, "egl_error": failure.egl_error, "message": failure.message}
