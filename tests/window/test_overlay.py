"""The overlay over the picture, and the latency panel beside it, as a person sees them."""

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.window.displays import Display, Picture, load_png
from tests.window.test_view import STILL, close, guest_picture, wait_for_screen
from tests.window.viewer import driving
from ui.window.picture.overlay_picture import GRAPH_HEIGHT, TEXT_HEIGHT, WIDTH

# In device-independent pixels, from the picture's top-left corner.
_INSET = 12
_PATIENCE_S = 20.0


def overlaid(screen: Picture, picture: Picture, scale: int) -> tuple[bool, bool]:
    """Whether the pixels below the overlay differ from the guest's picture, and whether any others do."""
    differs = (screen != picture).any(axis=2)
    left, right = _INSET * scale, (_INSET + WIDTH) * scale
    lower = (_INSET + TEXT_HEIGHT + GRAPH_HEIGHT) * scale
    inside = differs[left:lower, left:right].mean() > 0.9
    differs[left:lower, left:right] = False
    return bool(inside), bool(differs.any())


@pytest.mark.parametrize(("display_name", "scale"), [("wayland", 1), ("wayland_2x", 2)])
def test_the_overlay_covers_its_corner_and_nothing_else_and_goes_again(
    display_name: str, scale: int, request: pytest.FixtureRequest
) -> None:
    display: Display = request.getfixturevalue(display_name)
    picture = guest_picture().repeat(scale, axis=0).repeat(scale, axis=1)
    with driving(display, f"sim:{STILL}", "--fullscreen", "--scaling", "integer") as viewer:
        viewer.wait_for("path: egl-image")
        viewer.do("end_notice")
        viewer.do("trigger", "overlay")
        on = wait_for_screen(display, lambda it: overlaid(it, picture, scale) == (True, False))
        assert overlaid(on, picture, scale) == (True, False)
        corner = on[_INSET * scale : (_INSET + TEXT_HEIGHT) * scale, _INSET * scale : (_INSET + WIDTH) * scale]
        assert (corner > 200).all(axis=2).mean() > 0.01, "no words"
        viewer.do("trigger", "overlay")
        off = wait_for_screen(display, lambda it: np.array_equal(it, picture))
        assert np.array_equal(off, picture)
        assert viewer.do("is_measured") is False
        close(viewer)


def test_the_panel_measures_while_it_is_open_and_writes_what_it_measured(wayland: Display, tmp_path: Path) -> None:
    # So large that the panel cannot cover the window, which would then get no frame callbacks.
    with driving(wayland, "sim:gvt,size=1024x768,fps=30") as viewer:
        viewer.wait_for("path: egl-image")
        viewer.do("trigger", "latency-panel")
        end = time.monotonic() + _PATIENCE_S
        while viewer.do("panel_cells")[0][0] == "–":
            assert time.monotonic() < end, "the table stays empty"
            time.sleep(0.1)
        viewer.do("panel_mark", "a <b>marker</b> {value.x} {")
        viewer.do("panel_mark", "")
        viewer.do("panel_pause", True)
        cells = viewer.do("panel_cells")
        for name in ("a.csv", "a.json", "a.png"):
            viewer.do("panel", "export", str(tmp_path / name))
        viewer.do("panel", "export", str(tmp_path / "missing" / "a.csv"))
        viewer.wait_for("a.csv was not saved: No such file or directory")
        assert viewer.do("panel_cells") == cells, "the table changed during a pause"
        # Closed by its user, not by the action.
        viewer.do("panel", "close")
        assert viewer.do("panel_cells") is None
        assert viewer.do("is_checked", "latency-panel") is False
        assert viewer.do("is_measured") is False
        # Another one is left open at the end.
        viewer.do("trigger", "latency-panel")
        viewer.do("trigger", "overlay")
        close(viewer)
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[0] == "# mdevview measure csv 1" and len(rows) > 2
    assert {row.count(",") for row in rows[1:]} == {11}
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["kind"] == "measure" and document["meta"]["presentation"] == "wp_presentation"
    assert document["stages"]["flip_to_present"]["count"] > 0 and [each["label"] for each in document["markers"]] == [
        "a <b>marker</b> {value.x} {",
        "2",
    ]
    assert len(np.unique(load_png(tmp_path / "a.png").reshape(-1, 3), axis=0)) > 20


def test_without_pyqtgraph_the_action_tells_how_to_get_it(x11: Display, tmp_path: Path) -> None:
    (tmp_path / "pyqtgraph.py").write_text("raise ModuleNotFoundError(\"No module named 'pyqtgraph'\")\n")
    path = f"{tmp_path}:{x11.env['PYTHONPATH']}"
    with driving(replace(x11, env=x11.env | {"PYTHONPATH": path}), "sim:gvt,size=64x64") as viewer:
        viewer.wait_for("path: copy")
        viewer.do("trigger", "latency-panel")
        viewer.wait_for(r"needs pyqtgraph: install it with: \S+ -m pip install pyqtgraph")
        assert viewer.do("is_checked", "latency-panel") is False
        viewer.do("trigger", "overlay")
        close(viewer)
