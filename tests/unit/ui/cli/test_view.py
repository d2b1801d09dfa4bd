"""What the window gets of the command line."""

import argparse
from pathlib import Path

import pytest

from app.errors import NoPicture
from app.host.gpu import AUTO, GpuChoice, RenderNode
from ui.cli import measure, overview
from ui.cli.parser import parse
from ui.cli.view import window_options
from ui.window.window_options import WindowOptions

NODE = RenderNode(Path("/dev/dri/renderD129"), "0000:01:00.0", "nvidia", None, None, ("card1",))


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.host.gpu.render_nodes", lambda _paths: (NODE,))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.parametrize("command", ["", "view", "run -- qemu"])
def test_every_window_gets_the_gpu_that_is_named(command: str) -> None:
    words, separator, program = command.partition("--")
    for option, choice in (((), AUTO), (("--gpu", "auto"), AUTO), (("--gpu", "card1"), GpuChoice(NODE))):
        args = parse([*words.split(), *option, *(separator.split()), *program.split()])
        assert window_options(args).gpu == choice


def test_a_measured_window_gets_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(_target: object, _open: object, options: WindowOptions, *_more: object) -> None:
        assert options.gpu == GpuChoice(NODE)
        raise NoPicture("as far as it goes")

    monkeypatch.setattr("ui.cli.measure_window.measure_in_window", measured)
    with pytest.raises(NoPicture):
        measure.run(parse(["measure", "--window", "--duration", "0", "--gpu", "renderD129"]))


def test_the_overview_gets_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[WindowOptions] = []

    def show(_targets: object, options: WindowOptions, *, fullscreen: bool) -> int:
        shown.append(options)
        return int(fullscreen)

    monkeypatch.setattr("ui.window.overview.overview.overview", show)
    args: argparse.Namespace = parse(["overview", "--gpu", "01:00.0"])
    assert overview.run(args) == 0
    assert shown[0].gpu == GpuChoice(NODE)
