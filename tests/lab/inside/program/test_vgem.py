"""A DRM node without a GPU driver in Mesa: vgem. Mesa draws with the CPU there, and dies of an import's first draw."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.sim.profile import open_simulated
from tests.gate import need_programs
from tests.lab.inside.conftest import Fact
from tests.lab.inside.pictures import Colours, read_png
from tests.lab.inside.program import command
from tests.lab.inside.program.screen import save_screen
from tests.window.displays import weston

# The same picture all the time.
SPEC = "gvt,fps=0,size=640x480,cursor=off"


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The render node of vgem, which is unloaded afterwards: other tests expect that there is none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    subprocess.run(["modprobe", "vgem"], check=True)
    try:
        (render_node,) = Path("/dev/dri").glob("renderD*")
        yield str(render_node)
    finally:
        subprocess.run(["modprobe", "-r", "vgem"], check=True)


def _guest_picture() -> Colours:
    device = open_simulated(SPEC)
    try:
        picture = device.picture()
        assert picture is not None
        return picture[..., :3]
    finally:
        device.close()


def _contains(whole: Colours, part: Colours) -> bool:
    """Whether the part is in the whole, exact in each pixel. It is searched by its rarest colour."""
    values = part.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    _, first, counts = np.unique(values, return_index=True, return_counts=True)
    y, x = divmod(int(first[counts.argmin()]), part.shape[1])
    height, width, _ = part.shape
    for row, column in np.argwhere((whole == part[y, x]).all(axis=2)) - (y, x):
        if row >= 0 and column >= 0 and np.array_equal(whole[row : row + height, column : column + width], part):
            return True
    return False


def test_commands_show_the_picture(node: str, tmp_path: Path, fact: Fact) -> None:
    file = tmp_path / "shot.png"
    ended = command.run("screenshot", f"sim:{SPEC}", "-o", str(file))
    assert ended.status == 0, ended
    assert np.array_equal(read_png(file), _guest_picture())


def _script(name: str, *arguments: str) -> dict[str, Any]:
    """The JSON document that a script of this folder prints."""
    script = [sys.executable, "-m", f"tests.lab.inside.program.{name}", *arguments]
    ended = subprocess.run(script, capture_output=True, text=True, timeout=command.PATIENCE_S, check=False)
    assert ended.returncode == 0, ended
    document: dict[str, Any] = json.loads(ended.stdout)
    return document


def test_the_exporters_node_is_left_to_itself_where_only_the_cpu_draws_on_it(node: str, fact: Fact) -> None:
    document = _script("draw_on_node", node, SPEC)
    fact("vgem as exporter", document)
    assert document["fallback_reason"].startswith(f"only the CPU draws on {node} (vgem): ")
    assert document["node"] != node
    assert (document["path"], document["right"]) == ("egl-image", True)


def test_commands_draw_on_the_node_that_is_named(node: str, tmp_path: Path, fact: Fact) -> None:
    """The import cannot work there: it ends in another process, and the picture is copied, also the second time."""
    file = tmp_path / "shot.png"
    ended = command.run("screenshot", f"sim:{SPEC}", "--gpu", Path(node).name, "-o", str(file))
    assert ended.status == 0, ended
    assert np.array_equal(read_png(file), _guest_picture())
    document = json.loads(command.run("inspect", f"sim:{SPEC}", "--json", "--gpu", node).out)
    fact("vgem: inspect --gpu", [document["renderer"], document["planes"]["primary"]["path"]])
    assert (document["renderer"]["render_node"], document["renderer"]["fallback_reason"]) == (node, None)
    assert (document["planes"]["primary"]["path"], document["reason"]) == ("copy", "import-crashes-driver")
    wrong = command.run_here("screenshot", f"sim:{SPEC}", "--gpu", "renderD777", "-o", str(file))
    assert (wrong.status, f"there is no GPU 'renderD777'; there are {node} (vgem)" in wrong.err) == (2, True), wrong


def test_a_bridge_is_used_where_it_is_needed(node: str, fact: Fact) -> None:
    """The node imports the dma-bufs of its own memory. EGL's software device gets them from the node."""
    documents = _script("bridge_on_node", node)
    fact("bridges to vgem's node and from it", documents)
    document = documents["to-node"]
    assert (document["exporter"], document["path"], document["reason"]) == ("drm", "egl-image", "ok")
    assert document["right"]
    document = documents["from-node"]
    assert (document["path"], document["reason"], document["bridge"][1:3]) == ("bridge", "ok", [node, "read-back"])
    assert document["right"]


def test_the_window_lives(node: str, tmp_path: Path, fact: Fact) -> None:
    need_programs("weston")
    picture, log, file = _guest_picture(), tmp_path / "log", tmp_path / "screen.png"
    with weston(refresh_hz=10, renderer="gl") as session:
        arguments = ("-v", "view", f"sim:{SPEC}", "--scaling", "actual", "--filter", "nearest")
        env = session.env | {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
        process = command.start(*arguments, errors=log, env=env)
        try:
            words = ("path: egl-image", "import-crashes-driver")
            command.wait_until(lambda: any(each in log.read_text() for each in words), process)
            until = time.monotonic() + command.PATIENCE_S
            while not _contains(save_screen(session, file), picture):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
        finally:
            process.kill()
            process.wait()
    fact("vgem: the window's log", log.read_text().splitlines())
