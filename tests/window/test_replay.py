"""A recording in the window: the recorded picture, and the bar that plays it."""

import time
from pathlib import Path

from tests.recordings import record
from tests.window.displays import Display
from tests.window.test_view import close, contains, guest_picture, wait_for_screen
from tests.window.viewer import driving

_SIZE = "size=320x200"


def test_the_recorded_picture_is_shown_and_the_bar_waits_steps_and_plays_again(
    wayland: Display, tmp_path: Path
) -> None:
    path = tmp_path / "a.mcap"
    record(path, f"gvt,{_SIZE},fps=0,cursor=off,fault=off@0.2-0.4", 600)
    with driving(wayland, f"replay:{path},speed=0.25", "--scaling", "actual") as viewer:
        viewer.wait_for("no-signal, plane-off")
        picture = guest_picture(f"gvt,{_SIZE},fps=0,cursor=off")
        assert contains(wait_for_screen(wayland, lambda screen: contains(screen, picture)), picture)
        viewer.do("playback", "_back")
        text, position, paused = viewer.do("playback", "_pause")
        assert text.startswith("replay 0:00.") and text.endswith(" / 0:00.60") and paused
        time.sleep(0.3)
        assert viewer.do("playback")[1] == position
        assert viewer.do("playback", "_step")[1] > position
        assert viewer.do("playback", "_pause")[2] is False
        close(viewer)


def test_a_recording_whose_device_goes_can_be_played_again(wayland: Display, tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    record(path, f"gvt,{_SIZE},fps=0,fault=gone@0.3", 600)
    with driving(wayland, f"replay:{path}") as viewer:
        viewer.wait_for("gone, device-removed")
        viewer.lines.clear()
        viewer.do("playback", "_pause")
        viewer.wait_for("showing")
        viewer.wait_for("gone, device-removed")
        close(viewer)
