"""The facts about a picture that only the renderer, and the buffers on the screen, tell."""

import mmap
from collections.abc import Callable
from dataclasses import replace

from app.device.device_facts import DeviceFacts
from app.diagnosis.picture.history import PictureHistory
from app.diagnosis.picture.host_facts import HostFacts
from app.diagnosis.picture.picture_facts import ImportEvidence, ModeRequest, PictureFacts, PlaneFacts, RendererFacts
from app.errors import error_text
from app.host.vgpu import Vgpu
from app.planes.buffer import Buffer
from app.planes.buffer_facts import BufferFacts
from app.planes.display_facts import DisplayFacts
from app.planes.frame import Frame, Surface
from app.planes.outcome import Outcome, PixelPath
from app.planes.plane import Plane, PlaneKind
from app.planes.status import Status
from gl.one_colour import Colour

Evidence = Callable[[Surface, Outcome], ImportEvidence | None]


def picture_facts(
    target: str,
    frame: Frame,
    outcome_of: Callable[[Surface], Outcome | None],
    now_ns: int,
    *,
    vgpu: Vgpu | None = None,
    device: DeviceFacts | None = None,
    host: HostFacts | None = None,
    renderer: RendererFacts | None = None,
    history: PictureHistory | None = None,
    evidence: Evidence | None = None,
    one_colour: Colour | None = None,
    failure: Status | None = None,
    late_mode: ModeRequest | None = None,
    display: DisplayFacts | None = None,
) -> PictureFacts:
    """The facts about a frame. ``outcome_of`` gives what the renderer made of a surface, None if it did not get it.

    ``device`` and ``host`` were read by the caller. ``evidence`` makes import trials, and may wait for seconds.
    ``one_colour`` is that of the primary plane. ``failure`` is why the last draw of the frame failed, if it did.
    ``late_mode`` is what the guest was asked for and did not take. ``display`` is that of the session.
    """
    device = device or DeviceFacts()
    planes = {PlaneKind.PRIMARY: PlaneFacts(PlaneKind.PRIMARY, frame.status)}
    for surface in (frame.primary, frame.cursor):
        outcome = outcome_of(surface) if surface is not None else None
        if surface is not None and outcome is not None:
            colour = one_colour if surface is frame.primary else None
            planes[surface.plane.kind] = _plane_facts(surface, outcome, evidence, colour)
    for rejected in frame.rejected:
        kind, buffer = rejected.plane.kind, rejected.buffer
        planes[kind] = PlaneFacts(kind, rejected.status, rejected.plane, _buffer_facts(rejected.plane, buffer))
    if frame.cursor_refusal is not None:
        planes.setdefault(PlaneKind.CURSOR, PlaneFacts(PlaneKind.CURSOR, frame.cursor_refusal))
    if failure is not None:
        planes[PlaneKind.PRIMARY] = replace(planes[PlaneKind.PRIMARY], status=failure, path=None)
    history = history or PictureHistory(now_ns, sees_pixels=False)
    return PictureFacts(
        target=target,
        status=planes[PlaneKind.PRIMARY].status,
        planes=tuple(planes.values()),
        vgpu=vgpu,
        offer=device.offer,
        pci_command=device.pci_command,
        host=host or HostFacts(),
        renderer=renderer,
        history=history.facts(now_ns, device.query_errors),
        late_mode=late_mode,
        display=display,
    )


def _plane_facts(
    surface: Surface, outcome: Outcome, evidence: Evidence | None, one_colour: Colour | None
) -> PlaneFacts:
    imported = outcome.path in (PixelPath.EGL_IMAGE, PixelPath.BRIDGE)
    return PlaneFacts(
        kind=surface.plane.kind,
        status=outcome.status,
        plane=surface.plane,
        buffer=_buffer_facts(surface.plane, surface.buffer),
        path=outcome.path,
        bridge=outcome.bridge,
        failures=outcome.failures,
        map_error=None if imported else map_error(surface.buffer),
        import_evidence=evidence(surface, outcome) if evidence is not None else None,
        one_colour=one_colour,
    )


def _buffer_facts(plane: Plane, buffer: Buffer | None) -> BufferFacts | None:
    if buffer is None:
        return None
    return BufferFacts(
        buffer.serial, plane, buffer.size, buffer.dmabuf_fd, buffer.inode, buffer.exporter, on_screen=True
    )


def map_error(buffer: Buffer) -> str | None:
    """Why the CPU cannot map a dma-buf for reading, in the kernel's words; empty if it can, None if it is no dma-buf.

    The mapping has one page and is not read.
    """
    fd = buffer.dmabuf_fd
    if fd is None:
        return None
    try:
        mmap.mmap(fd, min(buffer.size, mmap.PAGESIZE), flags=mmap.MAP_SHARED, prot=mmap.PROT_READ).close()
    except OSError as error:
        return error_text(error)
    except ValueError as error:
        return str(error)
    return ""
