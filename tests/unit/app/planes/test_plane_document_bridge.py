"""How a plane's document tells of the bridge. A published key keeps its meaning."""

from app.abi import drm_fourcc as drm
from app.planes.outcome import BridgeRoute, HandOverForm
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.plane_document import plane_document
from app.planes.status import Reason, Status

PLANE = Plane(PlaneKind.PRIMARY, Backing.DMABUF, drm.DRM_FORMAT_XRGB8888, 0, 64, 64, 256, 16384, 0, 0, None, None)
OK = Status(Reason.OK)


def test_the_gpu_and_the_form_are_told() -> None:
    route = BridgeRoute("/dev/dri/renderD128", "Intel UHD", HandOverForm.DMABUF)
    assert plane_document(PLANE, None, OK, "bridge", (), route)["bridge"] == {
        "render_node": "/dev/dri/renderD128",
        "gpu": "Intel UHD",
        "form": "dma-buf",
        "detail": "",
    }
    assert plane_document(PLANE, None, OK, "egl-image")["bridge"] is None
