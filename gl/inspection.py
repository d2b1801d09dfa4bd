"""The JSON document of ``mdevview inspect``: planes, import results, device, renderer and findings.

A published key keeps its meaning.
"""

import time
from functools import partial

from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.history import PictureHistory
from app.diagnosis.picture.picture_facts import PictureFacts
from app.diagnosis.report.finding_document import finding_document
from app.open.session import Session
from app.planes.frame import Frame
from app.planes.outcome import ImportFailure
from app.planes.plane import PlaneKind
from app.planes.plane_document import Document, plane_document, refused_plane_document, status_document
from gl.context import Context
from gl.import_evidence import import_evidence
from gl.one_colour import one_colour
from gl.picture_facts import picture_facts
from gl.renderer import Renderer
from gl.renderer_facts import facts_of_renderer

_VERSION = 1


def inspected_facts(
    session: Session, frame: Frame, renderer: Renderer, history: PictureHistory | None = None
) -> PictureFacts:
    """All facts about a picture. Blocks: it reads the host, tries imports in other processes and waits for the GPU.

    The renderer's context must be current. Raises GlError.
    """
    return picture_facts(
        session.target,
        frame,
        renderer.outcome,
        time.monotonic_ns(),
        vgpu=session.vgpu,
        device=session.device_facts(),
        host=session.host_facts(),
        renderer=facts_of_renderer(renderer.context),
        history=history,
        evidence=partial(import_evidence, renderer.context),
        one_colour=one_colour(renderer, frame),
        display=session.display_facts(),
    )


def inspect_document(
    target: str, frame: Frame, description: Document, renderer: Renderer, facts: PictureFacts | None = None
) -> Document:
    """State, planes, what the source says of its device (``description``), renderer and findings.

    The renderer imports the planes to find out whether that succeeds, so its context must be current. ``facts`` are
    those of the frame; None takes what the frame and the renderer tell, without waiting for anything.
    """
    documents: dict[PlaneKind, Document | None] = dict.fromkeys(PlaneKind)
    status = frame.status
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            kind, outcome = surface.plane.kind, renderer.outcome(surface)
            if kind is PlaneKind.PRIMARY:
                status = outcome.status
            documents[kind] = plane_document(
                surface.plane,
                surface.buffer,
                outcome.status,
                outcome.path.value if outcome.path is not None else None,
                [_import_error_document(each) for each in outcome.failures],
                outcome.bridge,
            )
    for rejected in frame.rejected:
        documents[rejected.plane.kind] = plane_document(rejected.plane, rejected.buffer, rejected.status)
    if frame.cursor_refusal is not None and documents[PlaneKind.CURSOR] is None:
        documents[PlaneKind.CURSOR] = refused_plane_document(frame.cursor_refusal)
    if facts is None:
        facts = picture_facts(
            target, frame, renderer.outcome, time.monotonic_ns(), renderer=facts_of_renderer(renderer.context)
        )
    return {
        "version": _VERSION,
        **status_document(target, status),
        "planes": {kind.name.lower(): document for kind, document in documents.items()},
        **description,
        "renderer": renderer_document(renderer.context),
        "findings": [finding_document(each) for each in diagnose(facts)],
    }


def _import_error_document(failure: ImportFailure) -> Document:
    return {"rung": failure.method.value, "egl_error": failure.egl_error, "message": failure.message}


def renderer_document(context: Context) -> Document:
    """What draws, on which DRM node, and whether it imports dma-bufs.

    ``fallback_reason`` is null unless the GPU that exports the buffers could not be taken.
    """
    return {
        "name": context.renderer,
        "vendor": context.vendor,
        "version": context.version,
        "software": context.software,
        "imports_dmabufs": context.imports_dma_bufs,
        "render_node": context.display.render_node,
        "fallback_reason": context.fallback_reason or None,
    }
