"""Why the GPU does not get a plane's pixels by import, and why the CPU cannot copy them either."""

from collections.abc import Iterator

from app.abi import drm_fourcc as drm
from app.diagnosis.finding import Finding
from app.diagnosis.host.driver_traps import is_old_mesa
from app.diagnosis.host.gpu_findings import import_with, make_usable
from app.diagnosis.picture.host_facts import HostFacts
from app.diagnosis.picture.picture_facts import ImportProof, PictureFacts, PlaneFacts, RendererFacts
from app.diagnosis.picture.picture_keys import PictureKey, key_of
from app.formats.fourcc import fourcc_text
from app.formats.modifier import modifier_name
from app.planes.outcome import ImportFailure, PixelPath
from app.planes.plane import Plane
from app.planes.status import Reason, Status

_MOST_NAMES = 12
_WINDOW_PLATFORMS = ("wayland", "x11")
# The status of a plane that is not imported. What each of them tells alone is said by _cause().
_BROAD = (Reason.NOT_READABLE, Reason.TILING_UNKNOWN, Reason.IMPORT_FAILED)
_CERTAIN = (Reason.NO_DMA_BUF, Reason.IMPORT_CRASHES_DRIVER, Reason.IMPORT_ON_TRIAL, Reason.IMPORT_AWAITED)
IMPORT_REASONS = (
    *_BROAD,
    Reason.NO_IMPORT_EXTENSION,
    Reason.NO_DMA_BUF,
    Reason.FORMAT_NOT_IMPORTABLE,
    Reason.MODIFIER_NOT_IMPORTABLE,
    Reason.IMPORT_CRASHES_DRIVER,
    Reason.IMPORT_ON_TRIAL,
    Reason.IMPORT_AWAITED,
)


def wrong_gpu_finding(host: HostFacts, renderer: RendererFacts | None) -> Finding | None:
    """A finding if another GPU draws than the one that exports the buffers: only that one can certainly import them."""
    exporter = host.exporter
    if exporter is None or renderer is None or renderer.gpu_address == exporter.address:
        return None
    if renderer.gpu_address is None and not renderer.software:
        return None
    drawing = f"{renderer.name}, {renderer.render_node or 'no render node'}"
    exporting = f"{exporter.address}, {exporter.driver or 'unknown driver'}, {exporter.render_node or 'no render node'}"
    why = renderer.fallback_reason
    evidence = f"drawing: {drawing}; exporting: {exporting}" + (f"; {why}" if why else "")
    return PictureKey.WRONG_GPU.finding(evidence, _how_to_import(exporter.address, renderer))


def _how_to_import(exporter: str, renderer: RendererFacts) -> str:
    """What to do about a GPU that exports the buffers, and does not import them."""
    if renderer.platform in _WINDOW_PLATFORMS:
        return import_with(exporter)
    if renderer.fallback_reason:
        return make_usable(exporter)
    return f"Leave --gpu out, or name the exporting GPU: --gpu {exporter}"


def import_findings(facts: PictureFacts, plane: PlaneFacts) -> Iterator[Finding]:
    """Findings about a plane that was not imported. At least one, whose reason is one of IMPORT_REASONS."""
    status = plane.status
    if status.reason is Reason.NOT_READABLE and not plane.failures:
        # The region of a device, or a buffer that was released.
        yield key_of(status.reason).finding(status.detail, status.reason.remedy)
        return
    yield _cause(facts, plane)
    if plane.path is None and status.reason is Reason.NOT_READABLE:
        why = plane.map_error or status.detail
        exporter = plane.buffer.exporter if plane.buffer is not None else None
        evidence = f"mmap: {why}" + (f"; exporter {exporter}" if exporter else "")
        yield PictureKey.COPY_IMPOSSIBLE.finding(evidence, _where_to_draw(facts.renderer))


def _where_to_draw(renderer: RendererFacts | None) -> str:
    """What to do about a buffer that the CPU may not map."""
    if renderer is not None and renderer.software:
        return "Import it with a GPU, which need not map the buffer: at best with the one that exports it (--gpu)."
    return "Name the GPU that exports the buffer with --gpu; 'mdevview doctor' lists the GPUs."


def _cause(facts: PictureFacts, plane: PlaneFacts) -> Finding:
    """Why the import failed: the most certain cause first."""
    renderer, reason, proof = facts.renderer, plane.status.reason, plane.import_evidence
    if proof is not None and proof.proof is ImportProof.UNREADABLE:
        return PictureKey.IMPORT_UNREADABLE.finding(_evidence(plane), _where_to_draw(renderer))
    if reason in _CERTAIN:
        return _of_reason(reason, plane)
    if proof is not None and proof.proof in (ImportProof.CRASHED, ImportProof.HUNG):
        # The trial was made for this finding only, so nothing recorded it.
        message = _message(Reason.IMPORT_CRASHES_DRIVER, plane)
        return PictureKey.IMPORT_CRASHES_DRIVER.finding(_evidence(plane), "Update the graphics driver.", message)
    if reason is Reason.NO_IMPORT_EXTENSION or (renderer is not None and not renderer.imports_dma_bufs):
        return _no_extension(renderer, plane)
    special = _unsupported(renderer, plane) if renderer is not None and plane.plane is not None else None
    if special is not None:
        return special
    return _of_reason(Reason.IMPORT_FAILED if reason is Reason.NOT_READABLE else reason, plane)


def _no_extension(renderer: RendererFacts | None, plane: PlaneFacts) -> Finding:
    remedy = Reason.NO_IMPORT_EXTENSION.remedy
    evidence = ""
    if renderer is not None:
        where = f" on {renderer.platform}" if renderer.platform else ""
        evidence = f"{renderer.name}{where}; EGL {renderer.egl_version}; {renderer.version}"
        if renderer.software and is_old_mesa(renderer.version):
            remedy = "Mesa draws into imported buffers with the CPU from version 24.1 on: update Mesa."
        elif renderer.platform == "x11":
            remedy = "Use Wayland, or an X server with DRI3 (Xorg or Xwayland with the GPU's driver; Xvfb has none)."
        else:
            remedy = "Use a GPU driver with EGL_EXT_image_dma_buf_import."
    return PictureKey.NO_IMPORT_EXTENSION.finding(evidence, remedy, _message(Reason.NO_IMPORT_EXTENSION, plane))


def _unsupported(renderer: RendererFacts, plane: PlaneFacts) -> Finding | None:
    """What the display's own lists of formats and modifiers tell."""
    seen = plane.plane
    assert seen is not None
    support = next((each for each in renderer.formats if each.fourcc == seen.fourcc), None)
    if support is None:
        if not renderer.formats or plane.status.reason not in (Reason.FORMAT_NOT_IMPORTABLE, *_BROAD):
            return None
        names = _list(fourcc_text(each.fourcc).strip() for each in renderer.formats)
        evidence = f"the plane is {fourcc_text(seen.fourcc)}; importable are {names}"
        return PictureKey.FORMAT_NOT_IMPORTABLE.finding(
            evidence, "Set another pixel format in the guest.", _message(Reason.FORMAT_NOT_IMPORTABLE, plane)
        )
    modifiers = dict(support.modifiers)
    if modifiers and seen.modifier not in modifiers and seen.modifier != drm.DRM_FORMAT_MOD_INVALID:
        return _modifier(seen, modifiers, plane)
    if modifiers.get(seen.modifier) and "GL_OES_EGL_image_external_essl3" not in renderer.extensions:
        evidence = f"{_described(seen)} is external-only; OpenGL ES has no GL_OES_EGL_image_external_essl3"
        return PictureKey.EXTERNAL_ONLY.finding(evidence, "Use a driver with that extension.")
    return None


def _modifier(seen: Plane, modifiers: dict[int, bool], plane: PlaneFacts) -> Finding:
    names = _list(modifier_name(each) + (" (external only)" if only else "") for each, only in modifiers.items())
    evidence = f"the plane is {_described(seen)}; importable are {names}"
    # This one also says why the pixels are not copied.
    undone = plane.status.reason is Reason.TILING_UNKNOWN
    reason = Reason.TILING_UNKNOWN if undone else Reason.MODIFIER_NOT_IMPORTABLE
    return key_of(reason).finding(evidence, reason.remedy, _message(reason, plane))


def _described(plane: Plane) -> str:
    return f"{fourcc_text(plane.fourcc)} {modifier_name(plane.modifier)}"


def _of_reason(reason: Reason, plane: PlaneFacts) -> Finding:
    return key_of(reason).finding(_evidence(plane), reason.remedy, _message(reason, plane))


def _message(reason: Reason, plane: PlaneFacts) -> str:
    """The meaning of a reason. That frames are copied is not said of a plane that is not shown at all."""
    meaning = reason.meaning
    if plane.path is PixelPath.COPY:
        return meaning
    return meaning.replace("; frames are copied.", ".").replace("; until then frames are copied.", ".")


def _evidence(plane: PlaneFacts) -> str:
    tried = [plane.import_evidence.detail] if plane.import_evidence is not None else []
    return "; ".join((*tried, *(_attempt(each) for each in plane.failures))) or plane.status.detail


def _attempt(failure: ImportFailure) -> str:
    code = f" ({failure.egl_error})" if failure.egl_error else ""
    return f"{failure.method.value}: {failure.message}{code}"


def _list(names: Iterator[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(listed[:_MOST_NAMES]) + more


def is_import_status(status: Status) -> bool:
    """Whether a status is about the import or the copy of a plane."""
    return status.reason in IMPORT_REASONS
