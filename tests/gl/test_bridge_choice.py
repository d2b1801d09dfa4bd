"""Which GPU a display gets a bridge to."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from app.host.gpu import AUTO, GpuChoice, RenderNode
from gl.bridge_choice import bridge_origin
from gl.context import Context
from gl.egl_display import DisplayOrigin, Platform

INTEL = RenderNode(Path("/dev/dri/renderD128"), "0000:00:02.0", "i915", None, None)
AMD = RenderNode(Path("/dev/dri/renderD129"), "0000:03:00.0", "amdgpu", None, None)
TO_INTEL = DisplayOrigin(Platform.DEVICE, "/dev/dri/renderD128")
ADDRESSES = {"renderD128": INTEL.address, "card0": INTEL.address, "renderD129": AMD.address}


@pytest.mark.parametrize(
    ("node", "software", "named", "exporter", "origin"),
    [
        ("renderD129", False, None, INTEL, TO_INTEL),
        ("renderD128", False, None, INTEL, None),
        # An EGL that names the primary node of the same GPU.
        ("card0", False, None, INTEL, None),
        (None, True, None, INTEL, TO_INTEL),
        # Mesa's kms_swrast: the CPU draws, whatever the node is.
        ("renderD128", True, None, INTEL, TO_INTEL),
        ("renderD129", False, None, None, None),
        ("renderD129", False, INTEL, None, TO_INTEL),
        ("renderD128", False, INTEL, AMD, None),
    ],
)
def test_the_gpu_that_exports_unless_it_draws_itself(
    monkeypatch: pytest.MonkeyPatch,
    node: str | None,
    software: bool,
    named: RenderNode | None,
    exporter: RenderNode | None,
    origin: DisplayOrigin | None,
) -> None:
    monkeypatch.setattr("gl.bridge_choice.address_of", lambda path: ADDRESSES[Path(path).name])
    display = SimpleNamespace(render_node=f"/dev/dri/{node}" if node else None)
    context = cast(Context, SimpleNamespace(display=display, software=software))
    assert bridge_origin(context, GpuChoice(named) if named else AUTO, exporter) == origin
