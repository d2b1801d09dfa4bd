"""The pointer in guest pixels under every scaling, mirroring, rotation and pixel ratio."""

import math

from hypothesis import given
from hypothesis import strategies as st

from app.input.event import ABSOLUTE_MAX, Absolute, Axis, Button, Relative
from app.input.pointer import RelativeMotion, Wheel, absolute, device_pixel, guest_pixel
from app.planes.placement import Placement, Rect, Rotation, Scaling, place

sizes = st.integers(1, 5000)
ratios = st.sampled_from([1.0, 1.25, 1.5, 1.75, 2.0, 3.0])


@st.composite
def pictures(draw: st.DrawFn) -> Placement:
    """A picture in a window, with any options of the user."""
    area = Rect(0, 0, draw(st.integers(160, 4000)), draw(st.integers(120, 4000)))
    return place(
        (draw(sizes), draw(sizes)),
        area,
        draw(st.sampled_from(Scaling)),
        flip_x=draw(st.booleans()),
        flip_y=draw(st.booleans()),
        rotation=draw(st.sampled_from(Rotation)),
    )


def decoded(value: int, count: int) -> set[int]:
    """The pixels that guests take an absolute value for: as libinput rounds, and simply rounded down."""
    return {value * count // (ABSOLUTE_MAX + 1), min(value * count // ABSOLUTE_MAX, count - 1)}


@given(pictures(), st.data())
def test_the_middle_of_a_pixel_on_screen_is_that_pixel_in_the_guest(layout: Placement, data: st.DataObject) -> None:
    pixel = tuple(data.draw(st.integers(0, n - 1)) for n in (layout.guest_width, layout.guest_height))
    x, y = layout.to_target(pixel[0] + 0.5, pixel[1] + 0.5)
    found = guest_pixel(layout, x, y)
    inside = layout.area.left <= x < layout.area.right and layout.area.top <= y < layout.area.bottom
    assert found == (pixel if inside else None)


@given(pictures(), st.floats(-5000, 9000), st.floats(-5000, 9000))
def test_a_drag_never_leaves_the_picture_and_stays_put_inside(layout: Placement, x: float, y: float) -> None:
    held = guest_pixel(layout, x, y, clamp=True)
    assert held is not None
    assert 0 <= held[0] < layout.guest_width and 0 <= held[1] < layout.guest_height
    free = guest_pixel(layout, x, y)
    assert free is None or free == held


@given(pictures())
def test_a_drag_reaches_all_four_corners(layout: Placement) -> None:
    far = 10.0 * (layout.place.width + layout.place.height) + 10_000
    reached = {guest_pixel(layout, x, y, clamp=True) for x in (-far, far) for y in (-far, far)}
    right, bottom = layout.guest_width - 1, layout.guest_height - 1
    assert reached == {(0, 0), (right, 0), (0, bottom), (right, bottom)}


@given(st.integers(0, 8000), ratios)
def test_a_pixel_ratio_keeps_device_pixels_apart(pixel: int, ratio: float) -> None:
    """A window system gives device pixel N as N / ratio, and that float rarely gives N back."""
    assert device_pixel(pixel / ratio, ratio) == pixel + 0.5


@given(st.integers(1, 16384), st.data())
def test_every_pixel_is_the_same_one_in_the_guest(count: int, data: st.DataObject) -> None:
    pixel = data.draw(st.integers(0, count - 1))
    (x, _) = absolute((pixel, 0), (count, 1))
    assert isinstance(x, Absolute) and x.axis is Axis.X
    assert 0 <= x.value <= ABSOLUTE_MAX
    assert decoded(x.value, count) == {pixel}


@given(sizes, sizes)
def test_corners_are_the_ends_of_the_axes(width: int, height: int) -> None:
    first = absolute((0, 0), (width, height))
    last = absolute((width - 1, height - 1), (width, height))
    assert [each.value for each in first] == [0, 0]  # type: ignore[union-attr]
    ends = [0 if count == 1 else ABSOLUTE_MAX for count in (width, height)]
    assert [each.value for each in last] == ends  # type: ignore[union-attr]


@given(pictures(), st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), max_size=30))
def test_relative_motion_adds_up_in_guest_pixels(layout: Placement, motions: list[tuple[int, int]]) -> None:
    """However small the motions are, less than a guest pixel is lost."""
    motion = RelativeMotion()
    sums = {Axis.X: 0, Axis.Y: 0}
    for dx, dy in motions:
        for event in motion.move(layout, dx, dy):
            assert isinstance(event, Relative) and event.value
            sums[event.axis] += event.value
    start, end = layout.to_guest(0, 0), layout.to_guest(sum(x for x, _ in motions), sum(y for _, y in motions))
    assert math.isclose(sums[Axis.X], end[0] - start[0], abs_tol=1.001)
    assert math.isclose(sums[Axis.Y], end[1] - start[1], abs_tol=1.001)


def test_a_fine_wheel_turns_by_whole_notches() -> None:
    wheel = Wheel()
    assert [wheel.turn(0, 40) for _ in range(4)] == [(), (), (Button.WHEEL_UP,), ()]
    assert wheel.turn(0, -120) == (Button.WHEEL_DOWN,), "the rest of the other direction is dropped"
    assert wheel.turn(-240, 0) == (Button.WHEEL_RIGHT, Button.WHEEL_RIGHT)
    assert wheel.turn(120, 120) == (Button.WHEEL_UP, Button.WHEEL_LEFT)


def test_a_touchpad_that_tells_only_pixels_scrolls_too() -> None:
    wheel = Wheel()
    notches = [each for _ in range(10) for each in wheel.scroll(0, -3)]
    assert notches == [Button.WHEEL_DOWN] * 2
