"""The views for inspection and the pixel loupe, as a person sees them."""

from pathlib import Path

import numpy as np

from app.input.pointer import absolute
from app.planes.placement import Placement, Rect, Rotation, Scaling, place
from tests.window.displays import HEIGHT, WIDTH, Display, Picture
from tests.window.qmp_server import qmp_server
from tests.window.test_view import STILL, close, guest_picture, wait_for_screen
from tests.window.viewer import DrivenViewer, driving
from ui.window.picture.loupe import beside
from ui.window.picture.loupe_picture import CELL, CELLS, height_of
from ui.window.picture.loupe_picture import WIDTH as LOUPE_WIDTH

_GAP, _MARGIN = 28, (LOUPE_WIDTH - CELLS * CELL) // 2


def show(viewer: DrivenViewer, view: str) -> None:
    viewer.do("trigger", view)
    viewer.do("end_notice")


def cells(screen: Picture, at: tuple[int, int], scale: int) -> Picture:
    """The colours in the loupe of a pointer at this device pixel, of a plane without a cursor there."""
    size = (LOUPE_WIDTH * scale, height_of(1) * scale)
    left, top = beside((at[0] + 0.5, at[1] + 0.5), size, (screen.shape[1], screen.shape[0]), _GAP * scale)
    middles = (np.arange(CELLS) * CELL + CELL // 2 + _MARGIN) * scale
    return screen[top + middles[:, np.newaxis], left + middles]


def around(picture: Picture, placement: Placement, at: tuple[int, int]) -> Picture:
    """What the loupe must show: the guest's pixels around the one at this device pixel, as they lie in the window."""
    middle = placement.guest_pixel(at[0] + 0.5, at[1] + 0.5)
    assert middle is not None
    _, _, ax, ay, dx, dy = (float(np.sign(each)) for each in placement.affine())
    seen = np.zeros((CELLS, CELLS, 3), np.uint8)
    for row in range(CELLS):
        for column in range(CELLS):
            across, down = column - CELLS // 2, row - CELLS // 2
            x, y = int(middle[0] + across * ax + down * ay), int(middle[1] + across * dx + down * dy)
            seen[row, column] = picture[y, x]
    return seen


def test_views_and_loupe_while_input_goes_to_the_guest(wayland: Display, tmp_path: Path) -> None:
    picture = guest_picture()
    upright = place((WIDTH, HEIGHT), Rect(0, 0, WIDTH, HEIGHT))
    with (
        qmp_server(tmp_path) as vm,
        driving(wayland, f"sim:{STILL}", "--fullscreen", "--qmp", vm.address) as viewer,
    ):
        viewer.wait_for("path: egl-image")
        viewer.wait_for("monitor: ready")
        show(viewer, "view-green")
        grey = picture[..., [1, 1, 1]].astype(int)
        seen = wait_for_screen(wayland, lambda it: bool(np.abs(it - grey).max() <= 1))
        assert np.abs(seen - grey).max() <= 1
        show(viewer, "view-alpha")
        # XR24 is opaque. In the cursor's image, the pixels around the arrow are transparent.
        seen = wait_for_screen(wayland, lambda it: (it == 255).mean() > 0.9)
        assert 0.9 < (seen == 255).mean() < 1 and (seen == 0).any()
        viewer.wait_for("white is opaque, as all of XRGB8888 is. Ctrl[+]Alt[+]N shows the normal picture")
        show(viewer, "view-difference")
        assert not wait_for_screen(wayland, lambda it: not it.any()).any()
        viewer.do("trigger", "loupe")
        show(viewer, "view-normal")
        at = (900, 300)
        viewer.do("move", *at)
        vm.wait_for(*(f"{each.axis.value}={each.value}" for each in absolute(at, (WIDTH, HEIGHT))))  # type: ignore[union-attr]
        expected = around(picture, upright, at)
        seen = wait_for_screen(wayland, lambda it: np.array_equal(cells(it, at, 1), expected))
        assert np.array_equal(cells(seen, at, 1), expected)
        show(viewer, "loupe")
        last = wait_for_screen(wayland, lambda it: np.array_equal(it, picture))
        assert np.array_equal(last, picture)
        close(viewer)


def test_the_loupe_is_exact_on_a_hidpi_screen_for_a_turned_and_mirrored_picture(wayland_2x: Display) -> None:
    spec = "gvt,size=640x360,fps=0,format=RG16,modifier=X"
    picture = guest_picture(spec)
    with driving(wayland_2x, f"sim:{spec}", "--fullscreen", "--scaling", "fit", "--rotate", "90") as viewer:
        viewer.wait_for("path: ")
        show(viewer, "flip-x")
        viewer.do("trigger", "loupe")
        viewer.do("end_notice")
        placement = place(
            (640, 360),
            Rect(0, 0, 2 * WIDTH, 2 * HEIGHT),
            Scaling.FIT,
            rotation=Rotation.RIGHT,
            flip_x=True,
        )
        for at in ((1200, 900), (1401, 300)):
            viewer.do("move", *at)
            expected = around(picture, placement, at)
            seen = wait_for_screen(
                wayland_2x,
                lambda it, at=at, e=expected: np.array_equal(cells(it, at, 2), e),  # type: ignore[misc]
            )
            assert np.array_equal(cells(seen, at, 2), expected), at
        close(viewer)
