"""What the window explains: the path of the picture, a simulated vGPU in place of a missing one, a mode not taken."""

import time
from typing import Any

from tests.window.displays import Display
from tests.window.test_view import close
from tests.window.viewer import driven, driving


def test_a_click_on_the_path_tells_why_the_picture_is_copied_and_what_to_do(wayland: Display) -> None:
    with driving(wayland, "sim:gvt,size=320x240,modifier=X,fps=0") as viewer:
        tip: str = viewer.wait_until("path_tip", lambda it: "tiling" in it)
        for words in ("copy: ", "the CPU copies it", "369\N{NO-BREAK SPACE}kB", "does not import the plane's tiling"):
            assert words in tip
        assert "INTEL_X_TILED" in tip and "What to do: The GPU that exports it can import it" in tip
        viewer.do("click_path")
        texts = viewer.wait_until("inspector_labels", lambda it: any("tiling" in each for each in it))
        assert texts[0].startswith("Path: copy. ")
        assert any(each.startswith("Seen: the plane is XR24 INTEL_X_TILED") for each in texts)
        viewer.do("inspector_tab", "Log")
        viewer.do("trigger", "explain")
        assert viewer.do("inspector_labels") == texts, "the keyboard leads there too"
        close(viewer)


def test_without_a_vgpu_the_window_says_that_it_shows_a_simulated_one_and_why(wayland: Display) -> None:
    with driven(wayland, "tests.window.run_without_vgpus", "view") as viewer:
        viewer.wait_for("showing, .*path: ")
        assert viewer.do("notice_bar") == ["No screen to show on this host: this is a simulated one."]
        swaps = viewer.do("swaps")
        viewer.do("notice_bar_press", "&Why?")
        answer: dict[str, Any] = viewer.wait_until("host_check", lambda it: it["texts"][1:] != [])
        assert "because this host has no vGPU" in answer["texts"][0]
        assert any("no vGPU on this host" in each for each in answer["texts"])
        assert viewer.do("swaps") > swaps, "the picture goes on meanwhile"
        viewer.do("notice_bar_press", "Dismiss this notice")
        assert viewer.do("notice_bar") is None
        close(viewer)


def test_a_simulated_vgpu_that_was_asked_for_needs_no_notice(wayland: Display) -> None:
    with driven(wayland, "tests.window.run_without_vgpus", "view", "sim:gvt,size=320x240") as viewer:
        viewer.wait_for("showing, .*path: ")
        assert viewer.do("notice_bar") is None
        close(viewer)


def test_a_mode_that_the_guest_does_not_take_is_told_until_another_is_chosen(wayland: Display) -> None:
    target = "sim:mbochs,size=640x480,fault=edid-ignored"
    words = "The guest was asked for 800x600 and still shows 640x480."
    with driving(wayland, target, "--resolution", "800x600") as viewer:
        viewer.wait_for("asked the guest for 800x600")
        viewer.wait_for("showing, .*path: ")
        time.sleep(0.6)
        assert "was asked" not in viewer.do("state")["status"], "it gets ten seconds"
        viewer.do("let_pass", 11)
        status = viewer.wait_until("state", lambda it: words in it["status"])["status"]
        assert "bochs-drm" in status
        assert words in viewer.wait_for(r"INFO: .*still shows"), "for the log and over the picture"
        viewer.do("ask_for", 640, 480)
        viewer.wait_until("state", lambda it: "was asked" not in it["status"])
        close(viewer)
