"""Facts about pictures, for tests of the diagnosis."""

from dataclasses import replace
from typing import Any

from app.abi import drm_fourcc as drm
from app.device.gfx_plane import DisplayOffer
from app.diagnosis.picture.host_facts import ExporterFacts, HostFacts, RunState, VmFacts
from app.diagnosis.picture.picture_facts import (
    FormatSupport,
    HistoryFacts,
    PictureFacts,
    PlaneFacts,
    RendererFacts,
)
from app.host.vgpu import Holder, Vgpu, Way
from app.planes.buffer_facts import BufferFacts
from app.planes.outcome import BridgeRoute, HandOverForm, ImportFailure, ImportMethod, PixelPath
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.status import Reason, Status

XR24, AR24 = drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_ARGB8888
X_TILED = drm.I915_FORMAT_MOD_X_TILED
LINEAR = drm.DRM_FORMAT_MOD_LINEAR

PRIMARY = Plane(PlaneKind.PRIMARY, Backing.DMABUF, XR24, LINEAR, 640, 480, 2560, 1228800, 0, 0, None, None, 1)
REGION = replace(PRIMARY, backing=Backing.REGION, handle=16)
CURSOR = Plane(PlaneKind.CURSOR, Backing.DMABUF, AR24, LINEAR, 64, 64, 256, 16384, 300, 200, 4, 3, 2)
GVT = Vgpu(
    "c0ffee",
    type_id="i915-GVTg_V5_4",
    driver="intel_vgpu_mdev",
    module="kvmgt",
    holders=(Holder(7, "qemu", 9, "guest", Way.GROUP),),
)
MBOCHS = replace(GVT, type_id="mbochs-large", driver="mbochs", module="mbochs")
RUNNING = VmFacts(7, "guest", RunState.RUNNING, "query-status: running", 900.0, opregion=True, ramfb=True)
YOUNG = replace(RUNNING, age_s=20.0)
RENDERER = RendererFacts(
    "Mesa Intel(R) HD Graphics",
    "Intel",
    "OpenGL ES 3.2 Mesa 25.0.7",
    "Mesa Project",
    "1.5",
    software=False,
    imports_dma_bufs=True,
    platform="wayland",
    render_node="/dev/dri/renderD128",
    gpu_address="0000:00:02.0",
    extensions=("GL_OES_EGL_image",),
    formats=(FormatSupport(XR24, ((LINEAR, False), (X_TILED, False))), FormatSupport(AR24, ((LINEAR, False),))),
)
LLVMPIPE = replace(RENDERER, name="llvmpipe", software=True, render_node=None, gpu_address=None)
ROUTE = BridgeRoute("/dev/dri/renderD128", "Intel UHD", HandOverForm.READ_BACK, "no linear buffer")
EXPORTER = ExporterFacts("0000:00:02.0", "i915", "/dev/dri/renderD128")
REFUSED = ImportFailure(ImportMethod.EXPLICIT, "EGL_BAD_MATCH", "the display does not take it")
FAILSAFE = "gvt: vgpu 1: Now vgpu 1 will enter failsafe mode."


def shown(**changes: Any) -> PlaneFacts:
    """The primary plane on the screen."""
    facts = PlaneFacts(PlaneKind.PRIMARY, Status(Reason.OK), PRIMARY, path=PixelPath.EGL_IMAGE)
    return replace(facts, **changes)


def cursor(**changes: Any) -> PlaneFacts:
    """The cursor plane on the screen."""
    return replace(PlaneFacts(PlaneKind.CURSOR, Status(Reason.OK), CURSOR, path=PixelPath.EGL_IMAGE), **changes)


def not_imported(reason: Reason, path: PixelPath | None = PixelPath.COPY, **changes: Any) -> PlaneFacts:
    """The primary plane, copied, or with ``path`` None not shown at all."""
    buffer = BufferFacts(1, PRIMARY, PRIMARY.size, exporter="i915")
    facts = shown(status=Status(reason, "the display does not take it"), path=path, failures=(REFUSED,), buffer=buffer)
    return replace(facts, **changes)


def off(reason: Reason = Reason.PLANE_OFF, detail: str = "") -> PlaneFacts:
    return PlaneFacts(PlaneKind.PRIMARY, Status(reason, detail))


def picture(
    *planes: PlaneFacts, vm: VmFacts | None = RUNNING, lines: tuple[str, ...] = (), **changes: Any
) -> PictureFacts:
    """A picture of GVT-g's on the GPU of its parent. All is well with what is not given."""
    given = planes or (shown(), cursor())
    facts = PictureFacts(
        "c0ffee",
        given[0].status,
        given,
        vgpu=GVT,
        offer=DisplayOffer(dmabuf=True, region=False),
        pci_command=7,
        host=HostFacts(vm, EXPORTER, lines),
        renderer=RENDERER,
        history=HistoryFacts(watched_s=4.0, shown_before=given[0].path is not None),
    )
    return replace(facts, **changes)
