"""Findings about EGL and OpenGL."""

import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from app.diagnosis.finding import Finding, Severity
from app.host.gpu import RenderNode
from gl.context import Context, SurfacelessContext
from gl.diagnosis import graphics_findings
from gl.egl_display import EglDisplay
from gl.errors import EglError

OTHER_GPU = Finding("renders-elsewhere", Severity.WARNING, "another GPU")


def no_other_gpu(_node: str, _why: str) -> None:
    return None


@pytest.mark.usefixtures("own_context")
def test_a_software_renderer_is_a_warning(importing_context: Context) -> None:
    egl, dma_buf = graphics_findings(no_other_gpu)
    assert (egl.key, egl.severity) == ("egl", Severity.WARNING)
    assert importing_context.renderer in egl.message
    assert importing_context.version in egl.evidence
    assert egl.remedy
    assert (dma_buf.key, dma_buf.severity) == ("dmabuf-import", Severity.OK)
    assert "XR24" in dma_buf.evidence.split()


@pytest.mark.usefixtures("own_context")
def test_a_missing_opengl_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gl.context", None)
    monkeypatch.delitem(sys.modules, "gl.offscreen_context", raising=False)
    (finding,) = graphics_findings(no_other_gpu)
    assert (finding.key, finding.severity) == ("egl", Severity.ERROR)
    assert "libegl1" in finding.remedy


@pytest.mark.usefixtures("own_context")
def test_a_missing_python_module_is_named_and_not_mesa(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "OpenGL"] + ["OpenGL"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("gl.context", "gl.api", "gl.offscreen_context"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (finding,) = graphics_findings(no_other_gpu)
    assert (finding.key, finding.severity) == ("egl", Severity.ERROR)
    assert "OpenGL is missing" in finding.message
    assert "PyOpenGL" in finding.remedy and "libegl1" not in finding.remedy


@pytest.mark.usefixtures("own_context")
def test_a_context_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: SurfacelessContext) -> None:
        raise EglError("eglInitialize", 0x3001)

    monkeypatch.setattr(SurfacelessContext, "__init__", fail)
    (finding,) = graphics_findings(no_other_gpu)
    assert (finding.key, finding.severity) == ("egl", Severity.ERROR)
    assert finding.evidence == "eglInitialize: EGL_NOT_INITIALIZED"


@pytest.fixture
def hardware(own_context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next contexts say that a GPU draws."""
    monkeypatch.setattr("gl.context._SOFTWARE", ())
    monkeypatch.setattr(EglDisplay, "render_node", "/dev/dri/renderD128")


@pytest.mark.usefixtures("hardware")
def test_a_gpu_is_named_with_its_node() -> None:
    nodes: list[str] = []
    egl = graphics_findings(lambda node, _why: nodes.append(node))[0]
    assert (egl.key, egl.severity) == ("egl", Severity.OK)
    assert egl.message.endswith(" on /dev/dri/renderD128")
    assert nodes == ["/dev/dri/renderD128"]


@pytest.mark.usefixtures("hardware")
def test_another_gpu_than_that_of_the_vgpus() -> None:
    keys = [each.key for each in graphics_findings(lambda _node, _why: OTHER_GPU)]
    assert keys == ["egl", "renders-elsewhere", "dmabuf-import"]


@pytest.mark.usefixtures("hardware")
def test_why_the_gpu_of_the_vgpus_does_not_draw_is_told() -> None:
    reasons: list[str] = []
    exporter = RenderNode(Path("/dev/dri/renderD999"), "0000:00:02.0", "i915", None, None)
    with patch("gl.offscreen_context.render_nodes", lambda: (exporter,)):
        graphics_findings(lambda _node, why: reasons.append(why), exporter)
    assert len(reasons) == 1 and reasons[0].startswith(f"EGL cannot draw on {exporter}: ")


@pytest.mark.usefixtures("own_context")
@pytest.mark.parametrize("software", [True, False])
def test_what_draws_without_a_node_in_place_of_the_gpu_of_the_vgpus_says_why(
    software: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU, or a GPU of which EGL names no node."""
    monkeypatch.setattr("gl.context._SOFTWARE", ("",) if software else ())
    monkeypatch.setattr(EglDisplay, "render_node", None)
    exporter = RenderNode(Path("/dev/dri/renderD999"), "0000:00:02.0", "i915", None, None)
    egl = graphics_findings(no_other_gpu, exporter)[0]
    assert egl.severity is (Severity.WARNING if software else Severity.OK)
    assert egl.evidence.endswith(f"; there is no {exporter}")


@pytest.mark.usefixtures("own_context")
@pytest.mark.parametrize(
    ("version", "software", "remedy"),
    [
        ("OpenGL ES 3.2 Mesa 23.2.1", True, "update Mesa"),
        ("OpenGL ES 3.2 Mesa 24.1.0", True, "EGL_EXT_image_dma_buf_import"),
        ("OpenGL ES 3.2 Mesa 22.3.6", False, "EGL_EXT_image_dma_buf_import"),
        ("OpenGL ES 3.2 NVIDIA 470", False, "EGL_EXT_image_dma_buf_import"),
    ],
)
def test_a_display_that_imports_nothing(
    monkeypatch: pytest.MonkeyPatch, version: str, software: bool, remedy: str
) -> None:
    class Incapable(SurfacelessContext):
        def __init__(self) -> None:
            super().__init__()
            self.version = version
            self.software = software
            self.imports_dma_bufs = False

    monkeypatch.setattr("gl.offscreen_context.SurfacelessContext", Incapable)
    finding = graphics_findings(no_other_gpu)[-1]
    assert (finding.key, finding.severity) == ("dmabuf-import", Severity.WARNING)
    assert finding.evidence == version
    assert remedy in finding.remedy
