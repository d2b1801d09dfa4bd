"""The value of --gpu names one of the kernel's render nodes: no other file is opened, and none is waited for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.host.gpu import find_gpu, parse_gpu, render_nodes
from tests.attacks.limits import time_limit
from tests.attacks.test_names import assert_harmless
from tests.unit.hosts import Host
from ui.cli.main import main

_FILES: dict[str, Callable[[Path], object]] = {
    "null": lambda path: path.symlink_to("/dev/null"),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "kvm": lambda path: path.symlink_to("/dev/kvm"),
    "FIFO": os.mkfifo,
    "loop": lambda path: path.symlink_to(path.name),
    "folder": Path.mkdir,
    "gone": lambda path: path.symlink_to("/dev/dri/renderD999"),
    "file": lambda path: path.write_text(""),
}
_TEXTS = (
    "",
    "\x1b[2J\u202e",
    "a" * 100_000,
    "/" + "b/" * 60_000,
    "-1",
    "../null",
    "/dev/dri/",
    "\udcff",
    "card",
    "0000:",
)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are opened from now on."""
    names: list[str] = []
    real = os.open

    def noted(path: Any, *given: Any, **named: Any) -> int:
        names.append(str(path))
        return real(path, *given, **named)

    monkeypatch.setattr(os, "open", noted)
    return names


def _refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with time_limit(60):
        assert main(["screenshot", "sim:gvt,size=64x64", f"--gpu={value}", "-o", "/nowhere/a.png"]) == 2
    out, err = capsys.readouterr()
    assert not out
    for line in err.splitlines():
        assert_harmless(line, len(value) + 400)
    assert "internal error" not in err and "--gpu" in err


@pytest.mark.parametrize("kind", _FILES)
def test_another_file_is_refused_and_not_opened(
    tmp_path: Path, kind: str, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "node"
    _FILES[kind](file)
    _refused(str(file), capsys)
    real = os.path.realpath(file)
    assert not {str(file), real} & set(opened)


def test_another_text_is_refused_in_visible_characters(capsys: pytest.CaptureFixture[str]) -> None:
    for text in _TEXTS:
        _refused(text, capsys)


def test_a_node_that_others_made_beside_the_kernels_is_no_gpu_of_another_name(tmp_path: Path) -> None:
    """In a container anybody may have made files in /dev/dri. Only a name leads to a node, and never a link's text."""
    host = Host(tmp_path)
    host.gpu("0000:00:02.0", 0x8086, 0x5916, "i915", 0)
    (host.paths.dev / "dri/renderD1\x1b[2J").touch()
    os.mkfifo(host.paths.dev / "dri/renderD200")
    (host.paths.dev / "dri/renderD201").symlink_to("renderD201")
    with time_limit(60):
        nodes = render_nodes(host.paths)
    assert find_gpu("0000:00:02.0", nodes).node.name == "renderD128"
    with pytest.raises(ValueError, match="there is no GPU"):
        parse_gpu(str(host.paths.dev / "dri/renderD300"), host.paths)
