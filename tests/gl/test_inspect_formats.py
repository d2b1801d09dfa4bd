"""inspect --formats, and how formats would reach the GPU."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.abi import drm_fourcc as drm
from app.diagnosis.picture.format_matrix import Reach
from app.errors import AmbiguousTarget
from app.formats.driver_formats import GVT_G, MDPY
from gl.context import Context
from gl.egl_display import DisplayExtensions, Modifier
from gl.format_reach import reach
from gl.renderer_facts import facts_of_renderer
from ui.cli import inspect_formats
from ui.cli.main import main

XR24, C8, YUYV = drm.DRM_FORMAT_XRGB8888, drm.DRM_FORMAT_C8, drm.DRM_FORMAT_YUYV
LINEAR, X, YF = drm.DRM_FORMAT_MOD_LINEAR, drm.I915_FORMAT_MOD_X_TILED, drm.I915_FORMAT_MOD_Yf_TILED


class Display:
    """An EGL display that advertises some formats."""

    def __init__(self, **modifiers: list[tuple[int, bool]]) -> None:
        self._modifiers = {drm.fourcc_code(each): pairs for each, pairs in modifiers.items()}
        self.formats = tuple(self._modifiers)
        self.extensions = DisplayExtensions(
            EGL_EXT_image_dma_buf_import=True, EGL_EXT_image_dma_buf_import_modifiers=True, EGL_KHR_image_base=True
        )

    def modifiers(self, fourcc: int) -> tuple[Modifier, ...]:
        return tuple(Modifier(*each) for each in self._modifiers.get(fourcc, ()))


class Gpu:
    """As much of a context as the import ladder asks."""

    def __init__(self, display: Display, vendor: str = "AMD") -> None:
        self.display = display
        self.vendor = self.renderer = vendor
        self.imports_dma_bufs = self.external_textures = True


def _reach(display: Display, fourcc: int, modifier: int, driver: Any = GVT_G, vendor: str = "AMD") -> Reach:
    return reach(Gpu(display, vendor), driver, fourcc, modifier)  # type: ignore[arg-type]


def test_what_the_display_advertises_is_imported() -> None:
    display = Display(XR24=[(LINEAR, False), (X, True)])
    assert _reach(display, XR24, LINEAR) is Reach.IMPORTED
    assert _reach(display, XR24, X) is Reach.EXTERNAL


def test_what_it_lacks_is_imported_as_another_format_with_the_same_bytes() -> None:
    display = Display(XR24=[(LINEAR, False)], **{"R8  ": [(LINEAR, False)], "AB24": [(LINEAR, False), (X, False)]})
    assert _reach(display, C8, LINEAR) is Reach.REINTERPRETED
    assert _reach(display, YUYV, X) is Reach.REINTERPRETED
    assert _reach(Display(YUYV=[(LINEAR, True)]), YUYV, LINEAR) is Reach.EXTERNAL


def test_without_an_import_only_readable_buffers_are_shown() -> None:
    display = Display(XR24=[(LINEAR, False)])
    assert _reach(display, XR24, YF) is Reach.NOT_SHOWN, "GVT-g's buffers cannot be mapped"
    assert _reach(display, XR24, YF, replace(GVT_G, readable=True)) is Reach.COPIED
    assert _reach(display, XR24, drm.I915_FORMAT_MOD_Y_TILED_CCS, replace(GVT_G, readable=True)) is Reach.NOT_SHOWN
    assert _reach(display, XR24, LINEAR, MDPY) is Reach.COPIED, "a region is never imported"


def test_intels_driver_learns_the_tiling_from_the_kernel() -> None:
    display = Display(XR24=[(LINEAR, False)])
    assert _reach(display, XR24, X, vendor="Intel") is Reach.IMPORTED_WITHOUT_MODIFIER
    assert _reach(display, XR24, YF, vendor="Intel") is Reach.NOT_SHOWN


@pytest.mark.usefixtures("own_context")
def test_the_command_tells_what_the_display_imports(gl_context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--formats", "--json", "sim:gvt"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["target"]) == (1, "sim:gvt")
    assert document["driver"]["name"] == "GVT-g (i915), simulated"
    support = facts_of_renderer(gl_context).formats
    assert len(document["display"]) == len(support)
    pairs = sum(len(each["modifiers"]) for each in document["display"])
    assert pairs == sum(len(each.modifiers) for each in support)
    assert document["renderer"]["egl_vendor"]


@pytest.mark.usefixtures("importing_context", "own_context")
def test_the_matrix_agrees_with_what_a_picture_then_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--formats", "--json", "sim:gvt"]) == 0
    driver = json.loads(capsys.readouterr().out)["driver"]
    reaches = {(each["fourcc"], each["modifier_name"]): each["reach"] for each in driver["formats"]}
    paths = {
        "imported": ("egl-image", "explicit-modifier"),
        "reinterpreted": ("egl-image", "reinterpreted"),
        "external-only": ("egl-image", "external"),
        "copied": ("copy", None),
    }
    for format_, modifier in (("XR24", "LINEAR"), ("YUYV", "LINEAR"), ("C8", "LINEAR"), ("XR30", "INTEL_X_TILED")):
        target = f"sim:gvt,size=128x64,cursor=off,format={format_},modifier={modifier}"
        assert main(["inspect", "--json", target]) == 0
        primary = json.loads(capsys.readouterr().out)["planes"]["primary"]
        assert (primary["path"], primary["import_method"]) == paths[reaches[format_, modifier]], format_


@pytest.mark.usefixtures("own_context")
def test_without_a_single_vgpu_the_display_is_told_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def several(*_arguments: object) -> None:
        raise AmbiguousTarget("2 vGPUs", "give one", ())

    monkeypatch.setattr(inspect_formats, "resolve", several)
    assert main(["inspect", "--formats"]) == 0
    out = capsys.readouterr().out
    assert "it is not known which formats this driver can report" in out
    assert "all that the display imports:" in out


def test_watch_and_formats_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "--formats", "--watch"]) == 2
    assert "not allowed with" in capsys.readouterr().err
