"""What is told of buffers that the GPU does not import."""

from dataclasses import replace

import pytest

from app.abi import drm_fourcc as drm
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.host_facts import HostFacts
from app.diagnosis.picture.picture_facts import RendererFacts
from app.planes.outcome import PixelPath
from app.planes.status import Reason
from tests.unit.app.diagnosis.picture.facts import (
    EXPORTER,
    LLVMPIPE,
    PRIMARY,
    RENDERER,
    RUNNING,
    X_TILED,
    cursor,
    not_imported,
    picture,
    shown,
)


@pytest.mark.parametrize(
    ("renderer", "remedy"),
    [
        (replace(RENDERER, platform="x11"), "--gpu 0000:03:00.0; or draw the window with it: DRI_PRIME"),
        (replace(RENDERER, platform="surfaceless"), "Leave --gpu out, or name the exporting GPU: --gpu 0000:03:00.0"),
        (replace(LLVMPIPE, platform="software", fallback_reason="no driver"), "Make EGL draw on 0000:03:00.0"),
    ],
)
def test_how_the_exporter_gets_to_import_depends_on_what_draws(renderer: RendererFacts, remedy: str) -> None:
    host = HostFacts(RUNNING, replace(EXPORTER, address="0000:03:00.0"))
    found = diagnose(picture(not_imported(Reason.IMPORT_FAILED), renderer=renderer, host=host))
    wrong = next(each for each in found if each.key == "wrong-gpu")
    assert remedy in wrong.remedy
    assert wrong.evidence.endswith(renderer.fallback_reason)


def test_over_a_bridge_the_right_gpu_has_imported() -> None:
    host = HostFacts(RUNNING, replace(EXPORTER, address="0000:03:00.0"))
    assert diagnose(picture(shown(path=PixelPath.BRIDGE), cursor(), host=host)) == ()


@pytest.mark.parametrize("reason", [Reason.FORMAT_NOT_IMPORTABLE, Reason.IMPORT_FAILED, Reason.IMPORT_ON_TRIAL])
def test_copied_is_said_only_of_what_is_copied(reason: Reason) -> None:
    assert "copied" in diagnose(picture(not_imported(reason), cursor()))[0].message
    assert "copied" not in diagnose(picture(not_imported(reason, None)))[0].message


@pytest.mark.parametrize(
    ("renderer", "remedy"),
    [
        (replace(LLVMPIPE, version="OpenGL ES 3.2 Mesa 23.2.1"), "24.1"),
        (replace(RENDERER, platform="x11"), "DRI3"),
        (replace(RENDERER, platform="wayland"), "EGL_EXT_image_dma_buf_import"),
    ],
)
def test_what_would_import_depends_on_what_draws(renderer: RendererFacts, remedy: str) -> None:
    facts = picture(
        not_imported(Reason.NO_IMPORT_EXTENSION), cursor(), renderer=replace(renderer, imports_dma_bufs=False)
    )
    assert remedy in next(each for each in diagnose(facts) if each.key == "no-import-extension").remedy


def test_a_cpu_that_draws_is_not_the_gpu_that_exports() -> None:
    keys = [each.key for each in diagnose(picture(not_imported(Reason.NOT_READABLE, None), renderer=LLVMPIPE))]
    assert keys[0] == "wrong-gpu"
    unknown = replace(RENDERER, gpu_address=None)
    assert diagnose(picture(renderer=unknown)) == (), "EGL does not tell which GPU draws"


def test_a_tiling_that_nobody_can_undo_is_named_with_those_that_are_importable() -> None:
    plane = not_imported(Reason.TILING_UNKNOWN, None, plane=replace(PRIMARY, modifier=X_TILED + 1))
    (found,) = diagnose(picture(plane))
    assert found.key == "tiling-unknown"
    assert "importable are INTEL_X_TILED, LINEAR" in found.evidence


@pytest.mark.parametrize("reason", [Reason.IMPORT_ON_TRIAL, Reason.IMPORT_FAILED])
def test_a_plane_without_a_modifier_has_no_wrong_one(reason: Reason) -> None:
    plane = not_imported(reason, plane=replace(PRIMARY, modifier=drm.DRM_FORMAT_MOD_INVALID))
    assert [each.key for each in diagnose(picture(plane, cursor()))] == [reason.key]
