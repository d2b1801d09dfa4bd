"""A second kind of source in the window: pushed memory, whose first row is the bottom one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.pushed.source import expected_picture
from tests.window.displays import Display
from tests.window.test_view import contains, wait_for_screen, window_of, xdotool
from tests.window.viewer import Viewer


@contextmanager
def _viewing(display: Display, *arguments: str, failing_uploads: int = 0) -> Iterator[Viewer]:
    command = [sys.executable, "-m", "tests.window.run_pushed", "-v", "view", *arguments]
    pipe = subprocess.PIPE
    env = display.env | {"FAILING_UPLOADS": str(failing_uploads)}
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        viewer = Viewer(process)
        try:
            yield viewer
        finally:
            process.kill()
            viewer._reader.join()


def _call(viewer: Viewer, word: str) -> None:
    assert viewer.process.stdin is not None
    viewer.process.stdin.write(f"{word}\n")
    viewer.process.stdin.flush()


def _report(viewer: Viewer) -> dict[str, list[object]]:
    """Ctrl-C, and what the program tells at its end."""
    assert viewer.interrupt() == 0
    assert viewer.process.stdout is not None
    report: dict[str, list[object]] = json.loads(viewer.process.stdout.read())
    return report


def test_pushed_screen_is_shown_asked_for_a_mode_and_seen_to_end(wayland: Display) -> None:
    with _viewing(wayland, "sim:gvt", "--fullscreen", "--scaling", "actual", "--resolution", "800x600") as viewer:
        viewer.wait_for("a pushed screen: showing, .*320x240 .*path: copy")
        assert contains(wait_for_screen(wayland, lambda it: contains(it, expected_picture(0))), expected_picture(0))
        _call(viewer, "push")
        assert contains(wait_for_screen(wayland, lambda it: contains(it, expected_picture(1))), expected_picture(1))
        viewer.wait_for("asked the guest for 800x600")
        _call(viewer, "end")
        viewer.wait_for("a pushed screen: gone, vm-ended")
        after = wait_for_screen(wayland, lambda it: not contains(it, expected_picture(1)))
        assert not contains(after, expected_picture(1))
        report = _report(viewer)
    assert viewer.warnings() == []
    assert report["asked"] == ["800x600@60"]
    # The first frame and the pushed one, each once.
    assert report["shown"][:2] == [1, 2]


def test_upload_that_failed_is_tried_again_although_no_other_frame_comes(wayland: Display) -> None:
    # Not in fullscreen, whose notice is drawn anew and would hide that nothing else draws.
    with _viewing(wayland, "sim:gvt", "--scaling", "actual", failing_uploads=4) as viewer:
        viewer.wait_for("a pushed screen: error, upload-failed, .*GL_OUT_OF_MEMORY.*it is tried again")
        viewer.wait_for("a pushed screen: showing, .*320x240 .*path: copy")
        assert contains(wait_for_screen(wayland, lambda it: contains(it, expected_picture(0))), expected_picture(0))
        assert viewer.interrupt() == 0
    assert viewer.warnings() == []


def test_keys_reach_a_guest_by_the_sessions_own_route(x11: Display) -> None:
    with _viewing(x11, "sim:gvt") as viewer:
        viewer.wait_for("a pushed screen: showing, ")
        xdotool(x11, "windowfocus", "--sync", window_of(x11))
        xdotool(x11, "key", "a", "b")
        # On a busy machine the end of the program may come before the keys.
        viewer.wait_for("keys so far: .*-b")
        report = _report(viewer)
    assert report["keys"] == ["+a", "-a", "+b", "-b"]
    assert viewer.warnings() == []
