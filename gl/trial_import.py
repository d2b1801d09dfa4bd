"""The import of a trial, in the trial's process."""

from collections.abc import Callable
from urllib.parse import quote

from app.diagnosis.picture.picture_facts import ImportProof
from app.formats.fourcc import PixelFormat
from app.planes.buffer import Buffer
from app.planes.plane import Plane
from gl.capture import capture_images
from gl.compositor import Compositor, Style
from gl.context import SurfacelessContext
from gl.errors import GlError, GraphicsError
from gl.importer import Importer
from gl.probe_draw import ProbeDraw
from gl.trial_process import IMAGE_MADE, NOTE, RESULT
from gl.trial_record import TrialRecord
from gl.trial_request import TrialRequest, renderer_facts


def matching_context(request: TrialRequest) -> SurfacelessContext | None:
    """A context on the first display with the facts of the request; None when no display has them."""
    for origin in request.origins:
        try:
            context = SurfacelessContext(origin=origin, record=TrialRecord(None))
        except GraphicsError:
            continue
        facts = renderer_facts(context)
        if not request.facts["node"]:
            # Of a display that a toolkit opened, Mesa may not tell the device.
            facts["node"] = ""
        if facts == request.facts:
            return context
        context.close()
    return None


def import_for_evidence(
    context: SurfacelessContext, plane: Plane, pixel_format: PixelFormat, buffer: Buffer, say: Callable[[str], None]
) -> None:
    """Import what the program would not import, and say what EGL and OpenGL answer (:mod:`gl.trial_child`)."""
    compositor = Compositor(context)
    probe = ProbeDraw(context, compositor)
    made: list[bool] = []

    def made_image() -> None:
        made.append(True)
        say(IMAGE_MADE)

    result = Importer(context, probe, None, made_image).load(plane, pixel_format, buffer)
    for each in result.failures:
        code = f" ({each.egl_error})" if each.egl_error else ""
        say(NOTE + quote(f"{each.method.value}: {each.message}{code}"))
    if result.image is not None:
        image = result.image
        try:
            capture_images(context, compositor, (image.width, image.height), ((image, Style(), 0, 0),), 1.0)
        except GlError as error:
            say(NOTE + quote(f"drawing the whole picture: {error}"))
            say(RESULT + ImportProof.UNREADABLE.value)
        else:
            say(RESULT + ImportProof.DRAWN.value)
    else:
        say(RESULT + (ImportProof.UNREADABLE if made else ImportProof.REFUSED).value)


def import_and_read(context: SurfacelessContext, plane: Plane, pixel_format: PixelFormat, buffer: Buffer) -> None:
    """Import as the program would. Draw the whole picture and read it back: a driver may fail at the last rows only."""
    compositor = Compositor(context)
    probe = ProbeDraw(context, compositor)
    image = Importer(context, probe, None).load(plane, pixel_format, buffer).image
    if image is not None:
        try:
            capture_images(context, compositor, (image.width, image.height), ((image, Style(), 0, 0),), 1.0)
        except GlError:
            # No memory for a picture of that size: the probe has drawn the image.
            context.gl.errors()
        image.texture.release()
        context.sweep()
    probe.release_last_texture()
    probe.release()
    compositor.release()
