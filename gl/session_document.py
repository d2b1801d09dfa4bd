"""The whole document of ``mdevview inspect``: what :mod:`gl.inspection` tells, and the buffers and EGL beside it.

A published key keeps its meaning.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields

from app.device.device_facts import DeviceFacts
from app.diagnosis.finding import Finding
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.history import PictureHistory
from app.diagnosis.picture.host_facts import HostFacts
from app.diagnosis.picture.picture_facts import PictureFacts
from app.open.session import Session
from app.planes.buffer_document import buffers_document
from app.planes.display_document import messages_document
from app.planes.frame import Frame
from app.planes.plane_document import Document
from app.planes.status import Status
from gl.context import Context
from gl.egl_display import DisplayExtensions
from gl.inspection import inspect_document
from gl.one_colour import Colour
from gl.picture_facts import picture_facts
from gl.renderer import Renderer
from gl.renderer_facts import GL_EXTENSIONS, facts_of_renderer


def session_document(
    session: Session,
    frame: Frame,
    renderer: Renderer,
    facts: PictureFacts | None = None,
    also_open: Mapping[int, Sequence[Document]] | None = None,
) -> Document:
    """State, planes, buffers, device, renderer and findings of a session that shows ``frame``.

    The renderer imports the planes to find out whether that succeeds, so its context must be current. ``facts`` are
    those of the frame; None takes what the frame and the renderer tell. ``also_open`` is that of
    :func:`app.planes.buffer_document.buffers_document`.

    ``unchanged_s`` tells for how many seconds neither a plane nor a pixel that was looked at has changed. It is not
    greater than the time that the source was watched, and null if nobody watched the pixels, or without a picture.
    """
    document = inspect_document(session.target, frame, session.describe(), renderer, facts)
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            method = renderer.outcome(surface).method
            name = surface.plane.kind.name.lower()
            document["planes"][name]["import_method"] = method.value if method is not None else None
    document["renderer"] |= egl_document(renderer.context)
    unchanged_s = facts.history.unchanged_s if facts is not None else None
    return document | {
        "unchanged_s": round(unchanged_s, 3) if unchanged_s is not None else None,
        "buffers": buffers_document(session.buffers(), renderer.imports, also_open),
        "messages": messages_document(session.display_facts()),
    }


def current_findings(
    session: Session,
    frame: Frame,
    renderer: Renderer,
    device: DeviceFacts,
    host: HostFacts,
    history: PictureHistory,
    *,
    one_colour: Colour | None = None,
    failure: Status | None = None,
) -> tuple[Finding, ...]:
    """The findings from facts that the caller has read already, and from those of the renderer that need no wait.

    So none comes from a trial of an import in another process. ``frame`` must be the newest of the session, and the
    renderer's context current. ``one_colour`` and ``failure`` are those of :func:`gl.picture_facts.picture_facts`.
    """
    facts = picture_facts(
        session.target,
        frame,
        renderer.outcome,
        time.monotonic_ns(),
        vgpu=session.vgpu,
        device=device,
        host=host,
        renderer=facts_of_renderer(renderer.context),
        history=history,
        one_colour=one_colour,
        failure=failure,
        display=session.display_facts(),
    )
    return diagnose(facts)


def egl_document(context: Context) -> Document:
    """EGL behind the renderer. ``extensions`` are those that matter to imports; ``missing`` are those it lacks.

    ``platform`` is null if that is not known; ``driver`` is Mesa's name of the driver, null if EGL does not tell it.
    """
    display = context.display
    of_egl = [(each.name, bool(getattr(display.extensions, each.name))) for each in fields(DisplayExtensions)]
    extensions = [*of_egl, *((name, name in context.extensions) for name in GL_EXTENSIONS)]
    return {
        "egl_vendor": display.vendor,
        "egl_version": display.version,
        "platform": display.origin.platform.value if display.origin is not None else None,
        "driver": display.driver or None,
        "extensions": [name for name, has in extensions if has],
        "missing_extensions": [name for name, has in extensions if not has],
    }
