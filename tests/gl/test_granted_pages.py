"""Pictures in the pages of a Xen guest, which are uploaded."""

import numpy as np

from gl.renderer import Renderer
from tests.gl.counting import Calls
from tests.xen.display_front import Screen
from tests.xen.machine import fake_xen
from tests.xen.serving import served, wait_pixels

_WIDTH, _HEIGHT = 64, 48
_FLIPS = 20


def _picture(number: int) -> np.ndarray:
    """XR24, another one for each number, with no two equal rows."""
    pixels = np.empty((_HEIGHT, _WIDTH, 4), np.uint8)
    pixels[:] = (number, 3 * number, 255 - number, 255)
    pixels[..., 0] += np.arange(_HEIGHT, dtype=np.uint8)[:, None]
    return pixels


def test_each_flip_is_one_upload_into_a_texture_that_stays(renderer: Renderer, calls: Calls) -> None:
    with fake_xen() as xen:
        guest = xen.create()
        with served(xen, guest) as source:
            guest.display.wait_connected()
            screen = Screen(guest.display, _WIDTH, _HEIGHT)
            uploads, captures = [], []
            for number in range(_FLIPS):
                flip = screen.show(_picture(number).tobytes())
                wait_pixels(source, _picture(number).tobytes())
                before = Calls(calls)
                captured = renderer.capture(source.latest())
                uploads.append(calls.since(before)["TexSubImage2D"])
                captures.append(calls.since(before)["TexStorage2D"])
                assert captured is not None
                assert np.array_equal(captured[..., :3], _picture(number)[..., 2::-1]), number
                if flip:
                    guest.display.wait_done(flip)
            assert uploads == [1] * _FLIPS
            # A capture draws into a texture of its own.
            assert captures[2:] == [1] * (_FLIPS - 2)
            assert calls["CreateImageKHR"] == 0
            renderer.release()
