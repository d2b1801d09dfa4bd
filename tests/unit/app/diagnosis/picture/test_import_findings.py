"""What is told of a GPU that exports the buffers and does not import them."""

from dataclasses import replace

import pytest

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


def test_of_a_memfd_no_other_cause_is_told() -> None:
    """The display may not import its tiling either, but another tiling would not help."""
    plane = replace(PRIMARY, modifier=PRIMARY.modifier + 0xABCD)
    (found,) = diagnose(picture(not_imported(Reason.NO_DMA_BUF, plane=plane), cursor()))
    assert found.key == "no-dma-buf" and "/dev/udmabuf" in found.remedy


def test_over_a_bridge_the_right_gpu_has_imported() -> None:
    host = HostFacts(RUNNING, replace(EXPORTER, address="0000:03:00.0"))
    assert diagnose(picture(shown(path=PixelPath.BRIDGE), cursor(), host=host)) == ()
