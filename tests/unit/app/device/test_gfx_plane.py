"""What a driver's answer about a plane means."""

from hypothesis import given
from hypothesis import strategies as st

from app.device.gfx_plane import PlaneQuery
from app.planes.plane import Backing, PlaneKind
from tests.unit.scripted import ScriptedDevice, plane_answer

_ANY = st.integers(0, 0xFFFF_FFFF)
_HOT = st.integers(0, 70) | st.sampled_from([0xFFFF_FFFF, 0xFFFF_FFFE, 0x8000_0000]) | _ANY


@given(_HOT, _HOT)
def test_a_hot_spot_that_is_not_in_the_cursors_image_is_unknown(hot_x: int, hot_y: int) -> None:
    """Of the two numbers one alone means nothing."""
    answer = plane_answer(width=64, height=48, hot=(hot_x, hot_y))
    plane = PlaneQuery(ScriptedDevice(cursor=lambda: answer), PlaneKind.CURSOR, Backing.DMABUF).execute()
    assert plane is not None
    known = (hot_x, hot_y) if hot_x < 64 and hot_y < 48 else (None, None)
    assert (plane.hot_x, plane.hot_y) == known


@given(_HOT, _HOT)
def test_a_primary_plane_has_no_hot_spot(hot_x: int, hot_y: int) -> None:
    answer = plane_answer(hot=(hot_x, hot_y))
    plane = PlaneQuery(ScriptedDevice(primary=lambda: answer), PlaneKind.PRIMARY, Backing.DMABUF).execute()
    assert plane is not None and (plane.hot_x, plane.hot_y) == (None, None)
