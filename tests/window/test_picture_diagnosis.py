"""The window says why there is no picture, or why it looks wrong: on its page of text, and in its status line."""

import time
from typing import Any

import numpy as np
import pytest

from tests.window.displays import Display, Picture
from tests.window.test_view import close
from tests.window.viewer import DrivenViewer, driving

_PATIENCE_S = 30.0

# The findings, and words of the status line.
CASES = {
    "sim:gvt,size=320x240,fault=never-on": (["guest-driver-not-loaded"], "graphics driver has not started the vGPU"),
    "sim:gvt,size=320x240,modifier=X": (["modifier-not-importable"], "does not import the plane's tiling"),
    "sim:mbochs,size=320x240,module=mbochs": (["import-failed", "copy-impossible"], "The import failed."),
    "sim:gvt,size=320x240,fps=0,cursor=off,fault=one-colour": (
        ["one-colour", "cursor-not-reported"],
        "one colour only",
    ),
}


def _wait_for(viewer: DrivenViewer, findings: list[str]) -> dict[str, Any]:
    end = time.monotonic() + _PATIENCE_S
    while (found := viewer.do("findings")) != findings:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    state: dict[str, Any] = viewer.do("state")
    return state


@pytest.mark.parametrize("target", CASES)
def test_the_first_finding_is_in_the_status_line(target: str, wayland: Display) -> None:
    findings, words = CASES[target]
    with driving(wayland, target) as viewer:
        assert words in _wait_for(viewer, findings)["status"]
        close(viewer)


def test_a_picture_with_which_all_is_well_has_no_finding_and_no_thread(wayland: Display) -> None:
    with driving(wayland, "sim:gvt,size=320x240") as viewer:
        viewer.wait_for("showing, .*path: egl-image")
        time.sleep(1.2)
        assert _wait_for(viewer, [])["status"].count("—") == 2
        close(viewer)


def test_the_page_changes_when_the_findings_do(wayland: Display) -> None:
    """The plane is off from the start, then comes and goes: the page says first one thing, then the other."""

    def page() -> Picture:
        return wayland.picture()

    with driving(wayland, "sim:gvt,size=320x240,fault=off@0-8+off@10", "--fullscreen") as viewer:
        _wait_for(viewer, ["plane-never-enabled"])
        time.sleep(0.3)
        before = page()
        _wait_for(viewer, ["plane-went-off"])
        time.sleep(0.3)
        assert not np.array_equal(page(), before)
        close(viewer)
