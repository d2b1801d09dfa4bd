"""The JSON document of ``mdevview inspect``: planes, import results, device, renderer and findings.

A published key keeps its meaning.
"""

from app.diagnosis.finding import Finding
from app.diagnosis.finding_document import finding_document
from app.diagnosis.picture_findings import plane_finding
from app.planes.frame import Frame
from app.planes.outcome import ImportFailure
from app.planes.plane import PlaneKind
from app.planes.plane_document import Document, plane_document, status_document
from app.planes.status import Status
from gl.context import Context
from gl.renderer import Renderer

_VERSION = 1


def inspect_document(target: str, frame: Frame, description: Document, renderer: Renderer) -> Document:
    """State, planes, what the source says of its device (``description``), renderer and findings.

    The renderer imports the planes to find out whether that succeeds, so its context must be current.
    """
    documents: dict[PlaneKind, Document | None] = dict.fromkeys(PlaneKind)
    statuses = {PlaneKind.PRIMARY: frame.status}
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            kind, outcome = surface.plane.kind, renderer.outcome(surface)
            statuses[kind] = outcome.status
            documents[kind] = plane_document(
                surface.plane,
                surface.buffer,
                outcome.status,
                outcome.path.value if outcome.path is not None else None,
                [_import_error_document(each) for each in outcome.failures],
            )
    for rejected in frame.rejected:
        kind = rejected.plane.kind
        statuses.setdefault(kind, rejected.status)
        documents[kind] = plane_document(rejected.plane, rejected.buffer, rejected.status)
    return {
        "version": _VERSION,
        **status_document(target, statuses[PlaneKind.PRIMARY]),
        "planes": {kind.name.lower(): document for kind, document in documents.items()},
        **description,
        "renderer": renderer_document(renderer.context),
        "findings": [finding_document(each) for each in _findings(statuses, documents)],
    }


def _findings(statuses: dict[PlaneKind, Status], documents: dict[PlaneKind, Document | None]) -> list[Finding]:
    findings = []
    for kind, status in statuses.items():
        document = documents[kind]
        findings.append(plane_finding(kind, status, document["import_errors"] if document is not None else ()))
    return [each for each in findings if each is not None]


def _import_error_document(failure: ImportFailure) -> Document:
    return {"rung": failure.method.value, "egl_error": failure.egl_error, "message": failure.message}


def renderer_document(context: Context) -> Document:
    """What draws, and whether it imports dma-bufs."""
    return {
        "name": context.renderer,
        "vendor": context.vendor,
        "version": context.version,
        "software": context.software,
        "imports_dmabufs": context.imports_dma_bufs,
    }
