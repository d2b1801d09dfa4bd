"""Buffers of libgbm: rows that both GPUs take, and nothing left behind. A library in Python stands for libgbm."""

import os
from collections import Counter

import pytest

from app.abi import drm_fourcc as drm
from gl.errors import GraphicsError
from gl.gbm import allocate_linear
from tests.conftest import open_files

XR24 = drm.DRM_FORMAT_XRGB8888
INTEL_ROW = 64


class Gbm:
    """What was called; rows are padded to 64 bytes, as Intel's driver pads them."""

    def __init__(self, modifier: int, fd: int = -1) -> None:
        self.calls: Counter[str] = Counter()
        self.modifier = modifier
        self.fd = fd
        self.width = 0

    def __getattr__(self, name: str) -> object:
        def call(*arguments: int) -> int | None:
            self.calls[name] += 1
            if name == "gbm_bo_create":
                self.width = arguments[1]
            answers = {"gbm_bo_get_modifier": self.modifier, "gbm_bo_get_fd": self.fd, "gbm_bo_get_offset": 0}
            stride = -(-self.width * 4 // INTEL_ROW) * INTEL_ROW
            return answers.get(name, stride if name == "gbm_bo_get_stride" else 1)

        return call


@pytest.mark.parametrize("modifier", [drm.DRM_FORMAT_MOD_LINEAR, drm.DRM_FORMAT_MOD_INVALID])
def test_amd_can_import_each_row(monkeypatch: pytest.MonkeyPatch, modifier: int) -> None:
    for width in (1, 64, 800, 1366, 1920):
        gbm = Gbm(modifier, os.memfd_create("bo"))
        monkeypatch.setattr("gl.gbm._library", lambda gbm=gbm: gbm)
        plane, buffer = allocate_linear("/dev/null", width, 16, XR24)
        buffer.release()
        assert plane.stride % 256 == 0 and width * 4 <= plane.stride < width * 4 + 256
        assert (plane.width, plane.modifier) == (width, drm.DRM_FORMAT_MOD_LINEAR)


@pytest.mark.parametrize(
    ("gbm", "why"),
    [(Gbm(drm.I915_FORMAT_MOD_X_TILED), "not linear"), (Gbm(drm.DRM_FORMAT_MOD_LINEAR), "cannot export")],
)
def test_a_buffer_that_cannot_be_used_is_destroyed(monkeypatch: pytest.MonkeyPatch, gbm: Gbm, why: str) -> None:
    monkeypatch.setattr("gl.gbm._library", lambda: gbm)
    files = open_files()
    with pytest.raises(GraphicsError, match=why):
        allocate_linear("/dev/null", 64, 16, XR24)
    assert (gbm.calls["gbm_bo_destroy"], gbm.calls["gbm_device_destroy"]) == (1, 1)
    assert open_files() == files
