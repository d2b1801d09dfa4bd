"""On which GPU a context without a window draws: the exporter's, the one that the user names, or EGL's choice.

EGL's software device stands for a DRM node that EGL knows. Where a GPU must draw, the CPU is taken for one.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import MdevviewError, PermissionDenied
from app.host.gpu import AUTO, GpuChoice, RenderNode
from app.open.opening import open_target
from gl import egl_display
from gl.context import SurfacelessContext
from gl.egl_display import DisplayOrigin, EglDisplay, Platform, open_display
from gl.errors import EglError
from gl.offscreen_context import open_context
from tests.gl.test_screenshot import guest_picture, screenshot
from ui.cli.main import main

pytestmark = pytest.mark.usefixtures("own_context")

KNOWN = RenderNode(Path("/dev/dri/renderD128"), "0000:00:02.0", "i915", "0x8086", "0x591b", ("card0",))
UNKNOWN = replace(KNOWN, node=Path("/dev/dri/renderD129"), address="0000:01:00.0", driver="nvidia", cards=("card1",))
BOTH = (KNOWN, UNKNOWN)
ON_NODE = DisplayOrigin(Platform.DEVICE, str(KNOWN.node))
SPEC = "gvt,fps=0,size=64x64,cursor=off"


@pytest.fixture(autouse=True)
def one_known_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gl.egl_display._node_of", lambda _egl, _device: str(KNOWN.node))
    monkeypatch.setattr("gl.offscreen_context.render_nodes", lambda: BOTH)
    monkeypatch.setattr("app.host.gpu.render_nodes", lambda _paths: BOTH)


@pytest.fixture
def gpu_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gl.context._SOFTWARE", ())


@pytest.fixture(autouse=True)
def displays_are_closed() -> Iterator[None]:
    opened = Counter(egl_display._opened)
    yield
    assert egl_display._opened == opened


@pytest.mark.usefixtures("gpu_draws")
def test_the_exporter_draws() -> None:
    with open_context(AUTO, KNOWN) as context:
        assert (context.display.origin, context.fallback_reason) == (ON_NODE, "")
    with open_context() as context:
        assert context.display.origin == DisplayOrigin(Platform.SURFACELESS)
        assert context.fallback_reason == ""


@pytest.mark.usefixtures("software_context")
def test_egl_chooses_where_only_the_cpu_draws_on_the_exporters_node(caplog: pytest.LogCaptureFixture) -> None:
    """As on vgem, where Mesa's kms_swrast dies of imports."""
    caplog.set_level(logging.INFO, "gl.offscreen_context")
    with open_context(AUTO, KNOWN) as context:
        assert context.display.origin != ON_NODE
        assert context.fallback_reason.startswith(f"only the CPU draws on {KNOWN}: ")
    assert context.fallback_reason in caplog.text


@pytest.mark.usefixtures("gpu_draws")
@pytest.mark.parametrize(
    ("exporter", "nodes", "reason"),
    [
        (UNKNOWN, BOTH, f"EGL cannot draw on {UNKNOWN}: EGL knows no device {UNKNOWN.node}; it knows: {KNOWN.node}"),
        (KNOWN, (UNKNOWN,), f"there is no {KNOWN}"),
    ],
)
def test_egl_chooses_where_it_cannot_use_the_exporters_node(
    exporter: RenderNode, nodes: tuple[RenderNode, ...], reason: str
) -> None:
    with open_context(AUTO, exporter, nodes) as context:
        assert context.display.origin == DisplayOrigin(Platform.SURFACELESS)
        assert context.fallback_reason == reason


def test_egl_chooses_where_the_exporters_driver_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(device: str | None) -> EglDisplay:
        if device is not None:
            raise EglError("eglInitialize", 0x3001)
        return open_display()

    monkeypatch.setattr("gl.context.open_display", start)
    with open_context(AUTO, KNOWN) as context:
        assert context.fallback_reason == f"EGL cannot draw on {KNOWN}: eglInitialize: EGL_NOT_INITIALIZED"


def test_a_gpu_that_the_user_names_draws_even_if_that_is_the_cpu() -> None:
    with open_context(GpuChoice(KNOWN), UNKNOWN) as context:
        assert (context.display.origin, context.fallback_reason) == (ON_NODE, "")


def test_a_named_gpu_that_egl_cannot_use_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MdevviewError, match=f"nvidia.*does not know it; EGL knows {KNOWN.node}$"):
        open_context(GpuChoice(UNKNOWN), KNOWN)
    assert main(["screenshot", f"sim:{SPEC}", "--gpu", "card1", "-o", str(tmp_path / "shot.png")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"EGL knows {KNOWN.node}") and str(UNKNOWN) in line
    monkeypatch.setattr("gl.offscreen_context.os.access", lambda _file, _mode: False)
    node = tmp_path / "renderD130"
    node.touch()
    with pytest.raises(PermissionDenied, match="permission denied"):
        open_context(GpuChoice(replace(UNKNOWN, node=node)))
    with pytest.raises(MdevviewError, match="does not know it"):
        open_context(GpuChoice(UNKNOWN))


def test_without_a_device_platform_no_gpu_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gl.egl_display._has_device_platform", lambda _extensions: False)
    with pytest.raises(MdevviewError, match="EGL knows no DRM node; without --gpu it chooses"):
        open_context(GpuChoice(KNOWN))


@pytest.mark.parametrize(
    "command",
    [
        "screenshot sim:gvt --raw -o FILE",
        "screenshot sim:gvt --as XR24 -o FILE",
        "screenshot sim:gvt --guess",
        "measure --observe pid:1 --duration 0",
    ],
)
def test_what_does_not_draw_takes_no_gpu(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.replace("FILE", str(tmp_path / "file")).split(), "--gpu", "card0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mdevview: --gpu ")


class Opened:
    """The nodes on which contexts were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.nodes: list[str] = []
        really = SurfacelessContext.__init__

        def note(context: SurfacelessContext, device: str | None = None, **more: Any) -> None:
            really(context, device, **more)
            self.nodes.append(device or "")

        monkeypatch.setattr(SurfacelessContext, "__init__", note)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


@pytest.fixture
def exported_by_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is opened is of a GPU."""
    monkeypatch.setattr(
        "ui.offscreen.open_target", lambda *args, **kwargs: replace(open_target(*args, **kwargs), exporter=KNOWN)
    )
    monkeypatch.setattr("ui.cli.inspect_formats.exporting_gpu", lambda _vgpu: KNOWN)


COMMANDS = (
    f"screenshot sim:{SPEC} -o FILE",
    f"inspect sim:{SPEC}",
    f"inspect sim:{SPEC} --watch --duration 0",
    f"inspect sim:{SPEC} --formats",
    f"capture sim:{SPEC} -o FILE --duration 0",
    f"measure sim:{SPEC} --duration 0 --json FILE",
)


@pytest.mark.usefixtures("gpu_draws", "exported_by_known")
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_draw_on_the_exporter_by_themselves(command: str, tmp_path: Path, opened: Opened) -> None:
    assert main(command.replace("FILE", str(tmp_path / "file")).split()) == 0
    assert opened.nodes == [str(KNOWN.node)]


@pytest.mark.usefixtures("gpu_draws")
@pytest.mark.parametrize("command", (*COMMANDS, "bench --case poll --seconds 0 --json FILE"))
def test_commands_draw_on_the_gpu_that_is_named(command: str, tmp_path: Path, opened: Opened) -> None:
    file = tmp_path / "file"
    assert main([*command.replace("FILE", str(file)).split(), "--gpu", "card0"]) == 0
    assert opened.nodes == [str(KNOWN.node)]
    if "--json" in command:
        meta = json.loads(file.read_text())["meta"]
        assert (meta["renderer"] if "bench" in command else meta)["render_node"] == str(KNOWN.node)


@pytest.mark.usefixtures("software_context", "exported_by_known")
def test_a_command_that_worked_before_still_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exporter's node is there, and only the CPU draws on it."""
    assert np.array_equal(screenshot(SPEC, tmp_path), guest_picture(SPEC))
    assert main(["inspect", f"sim:{SPEC}", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["renderer"]["platform"] in ("surfaceless", "software")
    assert document["renderer"]["fallback_reason"].startswith(f"only the CPU draws on {KNOWN}: ")
    assert main(["inspect", f"sim:{SPEC}"]) == 0
    assert "chosen by EGL: only the CPU draws" in " ".join(capsys.readouterr().out.split())
