"""The overview of a Xen host: a guest is shown after a click, one of another backend is not."""

from tests.pushed.source import expected_picture
from tests.window.displays import Display
from tests.window.test_overview import shows, states, until
from tests.window.test_view import close, wait_for_screen
from tests.window.viewer import driven


def test_a_guest_of_xen_is_shown_after_a_click(wayland: Display) -> None:
    with driven(wayland, "tests.window.run_xen_overview", "overview") as viewer:
        tiles = until(viewer, states("Click to show", "Cannot be shown"))
        assert [each["title"] for each in tiles] == ["web", "away"]
        assert "domain 3" in tiles[1]["tip"]
        viewer.do("click", 1)
        viewer.do("click", 0)
        tiles = until(viewer, states("Showing", "Cannot be shown"))
        assert tiles[0]["caption"].startswith("Xen display")
        wait_for_screen(wayland, lambda screen: shows(screen, tiles[0], expected_picture(1, cursor=False)))
        viewer.do("end_guest")
        until(viewer, lambda tiles: not tiles or tiles[0]["state"] != "Showing")
        close(viewer)
