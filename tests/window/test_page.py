"""The page in place of the picture, on real displays."""

import pytest

from tests.window.displays import Display
from tests.window.test_view import close, press
from tests.window.viewer import driven


@pytest.mark.parametrize("display_name", ["wayland", "x11"])
def test_started_from_a_menu_an_error_at_opening_is_a_page(display_name: str, request: pytest.FixtureRequest) -> None:
    """And the user goes on from there, by keyboard on X11, until a picture is shown."""
    display: Display = request.getfixturevalue(display_name)
    with driven(display, "tests.window.page_driver", "view", "--page", "12345678-dead") as viewer:
        page = viewer.wait_until("page", lambda it: it["heading"] == "No such screen")
        assert page["shown"]
        assert page["buttons"] == ["Retry", "Choose another…", "Wait for the VM", "Copy details", "Run doctor"]
        assert page["picture"] == [2, 2]
        if display_name == "x11":
            # The focus is on the first button; Tab and Enter reach the third.
            for key in ("Tab", "Tab", "Return"):
                press(display, key)
        else:
            viewer.do("page_press", "Wait for the VM")
        page = viewer.wait_until("page", lambda it: it["heading"] == "Waiting")
        assert page["buttons"] == ["Choose another…", "Copy details", "Run doctor"]
        if display_name == "x11":
            # Headless weston has no seat, and so no clipboard.
            viewer.do("page_press", "Copy details")
            viewer.wait_for("The details are in the clipboard")
        viewer.do("choose_simulated", "gvt,size=320x200,fps=0")
        page = viewer.wait_until("page", lambda it: not it["shown"])
        assert page["picture"] != [2, 2]
        viewer.wait_for("320x200 .*path: ")
        close(viewer)
