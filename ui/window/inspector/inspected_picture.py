"""What the inspector shows of a window: read from what was drawn, without a question to the device."""

from PyQt6.QtCore import QSize
from PyQt6.QtGui import QImage
from PyQt6.QtWidgets import QMainWindow

from app.diagnosis.finding import Finding
from app.diagnosis.picture.format_matrix import EmittedReach
from app.diagnosis.picture.picture_facts import FormatSupport
from app.diagnosis.report.finding_document import finding_document
from app.formats.driver_formats import DriverFormats, EmittedFormat, driver_formats
from app.planes.buffer_facts import BufferFacts
from app.planes.display_document import messages_document
from app.planes.outcome import ImportFailure, Outcome
from app.planes.plane import PlaneKind
from app.planes.plane_document import Document, plane_document, refused_plane_document, status_document
from gl.buffer_thumbnail import BufferThumbnail
from gl.errors import GlError
from gl.format_reach import reach
from gl.inspection import renderer_document
from gl.session_document import egl_document, session_document
from ui.window.inspector.buffer_table import THUMBNAIL
from ui.window.inspector.inspected import Event
from ui.window.inspector.inspector import Inspector
from ui.window.inspector.picture_changes import PictureChanges
from ui.window.picture.gl_surface import made_current
from ui.window.picture.picture_window import PictureWindow
from ui.window.picture.shown_path import shown_path_text


def open_inspector(window: QMainWindow, picture: PictureWindow) -> Inspector:
    """An inspector of this picture, docked in the window. The caller closes it before the picture is shut down."""
    return Inspector(window, InspectedPicture(picture, THUMBNAIL))


class InspectedPicture:
    """Adapts a picture's window to :class:`ui.window.inspector.inspected.Inspected`. Owns what draws thumbnails."""

    def __init__(self, picture: PictureWindow, thumbnail: QSize) -> None:
        """``thumbnail`` is the size of thumbnails in device-independent pixels."""
        self._picture = picture
        self._size = thumbnail
        self._thumbnail: BufferThumbnail | None = None
        self._renderer: Document | None = None
        self._changes = PictureChanges(picture)
        self.pictures = 0
        picture.frameSwapped.connect(self._count)
        picture.diagnosis.keep_current(True)

    def state(self) -> Document:
        picture = self._picture
        document: Document = status_document(picture.target, picture.status)
        document["planes"] = {kind.name.lower(): self._plane_document(kind) for kind in PlaneKind}
        if self._renderer is None and picture.renderer is not None:
            context = picture.renderer.context
            self._renderer = renderer_document(context) | egl_document(context)
        session = picture.session
        display = session.display_facts() if session is not None else None
        if session is not None and display is not None:
            # What a VM tells of its consoles is known; to describe a VFIO device would ask it.
            about = session.describe()
            document |= {"messages": messages_document(display)}
            document |= {key: about.get(key) for key in ("vm_display", "device")}
        return document | {"renderer": self._renderer}

    def changes(self) -> tuple[Event, ...]:
        return self._changes.take()

    def buffers(self) -> tuple[BufferFacts, ...]:
        session = self._picture.session
        return session.buffers() if session is not None else ()

    def imports(self, serial: int) -> int:
        renderer = self._picture.renderer
        return renderer.imports.get(serial, 0) if renderer is not None else 0

    def findings(self) -> tuple[Finding, ...]:
        return self._picture.diagnosis.findings

    def path_text(self) -> str:
        return shown_path_text(self._picture)

    def fourccs(self) -> tuple[int, ...]:
        renderer = self._picture.renderer
        return renderer.context.display.formats if renderer is not None else ()

    def format_support(self, fourcc: int) -> FormatSupport:
        renderer = self._picture.renderer
        modifiers = renderer.context.display.modifiers(fourcc) if renderer is not None else ()
        return FormatSupport(fourcc, tuple((each.value, each.external_only) for each in modifiers))

    def driver(self) -> DriverFormats | None:
        session = self._picture.session
        vgpu = session.vgpu if session is not None else None
        return driver_formats(vgpu.type_id, vgpu.module, simulated=vgpu.simulated) if vgpu is not None else None

    def reach(self, driver: DriverFormats, emitted: EmittedFormat) -> EmittedReach | None:
        renderer = self._picture.renderer
        if renderer is None:
            return None
        return EmittedReach(emitted, reach(renderer.context, driver, emitted.fourcc, emitted.modifier))

    def document(self) -> Document:
        picture = self._picture
        session, renderer = picture.session, picture.renderer
        if session is None or renderer is None or not picture.isValid():
            return {"target": picture.target}
        with made_current(picture):
            document = session_document(session, picture.frame, renderer)
        # These know the host and what was seen so far, too.
        return document | {
            "unchanged_s": picture.diagnosis.unchanged_s,
            "findings": [finding_document(each) for each in self.findings()],
        }

    def start_thumbnail(self, facts: BufferFacts) -> bool:
        renderer = self._picture.renderer
        image = renderer.cached_image(facts.serial) if renderer is not None else None
        if renderer is None or image is None:
            return False
        with made_current(self._picture):
            if self._thumbnail is None:
                ratio = self._picture.devicePixelRatio()
                size = (round(self._size.width() * ratio), round(self._size.height() * ratio))
                self._thumbnail = renderer.buffer_thumbnail(*size)
            try:
                plane = facts.plane
                opaque = plane.kind is PlaneKind.PRIMARY
                self._thumbnail.start(image, opaque=opaque, straight=plane.straight_alpha)
            except GlError:
                # The next draw of the picture fails in the same way, and tells of it.
                return False
        return True

    def take_thumbnail(self) -> QImage | None:
        if self._thumbnail is None:
            return None
        with made_current(self._picture):
            try:
                pixels = self._thumbnail.take()
            except GlError:
                return QImage()
        if pixels is None:
            return None
        height, width, _ = pixels.shape
        image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied)
        # The image does not own the bytes.
        return image.copy()

    def release(self) -> None:
        picture = self._picture
        picture.frameSwapped.disconnect(self._count)
        self._changes.close()
        picture.diagnosis.keep_current(False)
        thumbnail, self._thumbnail = self._thumbnail, None
        if thumbnail is not None:
            with made_current(picture):
                thumbnail.release()

    def _count(self) -> None:
        self.pictures += 1

    def _plane_document(self, kind: PlaneKind) -> Document | None:
        frame, drawn = self._picture.frame, self._picture.last_draw[1]
        for rejected in frame.rejected:
            if rejected.plane.kind is kind:
                return plane_document(rejected.plane, rejected.buffer, rejected.status)
        surface = frame.primary if kind is PlaneKind.PRIMARY else frame.cursor
        if surface is None:
            refusal = frame.cursor_refusal if kind is PlaneKind.CURSOR else None
            return refused_plane_document(refusal) if refusal is not None else None
        outcome: Outcome | None = None
        if drawn is not None:
            outcome = drawn.primary if kind is PlaneKind.PRIMARY else drawn.cursor
        if outcome is None:
            return plane_document(surface.plane, surface.buffer, frame.status)
        path = outcome.path.value if outcome.path is not None else None
        failures = [_failure_document(each) for each in outcome.failures]
        document = plane_document(surface.plane, surface.buffer, outcome.status, path, failures, outcome.bridge)
        return document | {"import_method": outcome.method.value if outcome.method is not None else None}


def _failure_document(failure: ImportFailure) -> Document:
    return {"rung": failure.method.value, "egl_error": failure.egl_error, "message": failure.message}
