"""Where the guest's picture lies, and back."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planes.placement import Placement, Rect, Rotation, Scaling, Zoom, place

sizes = st.tuples(st.integers(1, 16384), st.integers(1, 16384))
areas = st.builds(
    lambda left, top, width, height: Rect(left, top, left + width, top + height),
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(1, 16384),
    st.integers(1, 16384),
)
layouts = st.builds(
    lambda guest, area, scaling, flip_x, flip_y, rotation: place(
        guest, area, scaling, flip_x=flip_x, flip_y=flip_y, rotation=rotation
    ),
    sizes,
    areas,
    st.sampled_from(Scaling),
    st.booleans(),
    st.booleans(),
    st.sampled_from(Rotation),
)
fractions = st.floats(0, 1, allow_nan=False)
zooms = st.builds(Zoom, st.none() | st.integers(1, 1000), st.floats(-2, 3), st.floats(-2, 3))
zoomed_layouts = st.builds(
    lambda guest, area, scaling, flip_x, flip_y, rotation, zoom: place(
        guest, area, scaling, flip_x=flip_x, flip_y=flip_y, rotation=rotation, zoom=zoom
    ),
    sizes,
    areas,
    st.sampled_from(Scaling),
    st.booleans(),
    st.booleans(),
    st.sampled_from(Rotation),
    zooms,
)


def inside(inner: Rect, outer: Rect) -> bool:
    return inner.intersect(outer) == inner


@given(layouts)
def test_edges_are_whole_and_the_picture_is_in_the_middle(layout: Placement) -> None:
    where, area = layout.place, layout.area
    for edge in (where.left, where.top, where.right, where.bottom):
        assert edge == int(edge)
    assert abs((where.left - area.left) - (area.right - where.right)) <= 1
    assert abs((where.top - area.top) - (area.bottom - where.bottom)) <= 1


@given(sizes, areas)
def test_fit_touches_two_edges_and_keeps_the_shape(guest: tuple[int, int], area: Rect) -> None:
    layout = place(guest, area)
    assert inside(layout.place, area)
    scale = min(area.width / guest[0], area.height / guest[1])
    if layout.whole and scale < 1.01:
        return
    assert layout.place.width == area.width or layout.place.height == area.height
    assert abs(layout.place.width - max(1, guest[0] * scale)) <= 0.5
    assert abs(layout.place.height - max(1, guest[1] * scale)) <= 0.5


@given(sizes, areas)
def test_integer_is_the_largest_multiple_or_fits(guest: tuple[int, int], area: Rect) -> None:
    layout = place(guest, area, Scaling.INTEGER)
    assert inside(layout.place, area)
    if guest[0] <= area.width and guest[1] <= area.height:
        assert layout.whole
        factor = layout.scale_x
        assert factor == layout.scale_y == int(factor)
        assert (factor + 1) * guest[0] > area.width or (factor + 1) * guest[1] > area.height
    else:
        assert layout.place == place(guest, area).place


@given(sizes, areas)
def test_actual_is_one_for_one(guest: tuple[int, int], area: Rect) -> None:
    layout = place(guest, area, Scaling.ACTUAL)
    assert layout.place.width == guest[0]
    assert layout.place.height == guest[1]
    assert layout.whole


@given(layouts, fractions, fractions)
def test_there_and_back(layout: Placement, across: float, down: float) -> None:
    x, y = across * layout.guest_width, down * layout.guest_height
    target = layout.to_target(x, y)
    assert layout.place.left - 1e-6 <= target[0] <= layout.place.right + 1e-6
    assert layout.place.top - 1e-6 <= target[1] <= layout.place.bottom + 1e-6
    assert layout.to_guest(*target) == pytest.approx((x, y), abs=1e-6 * max(layout.guest_width, layout.guest_height))


@given(layouts)
def test_corners(layout: Placement) -> None:
    """Where the guest's first pixel is seen, and its last: turned clockwise first, then mirrored."""
    where = layout.place
    first = {
        Rotation.NONE: (where.left, where.top),
        Rotation.RIGHT: (where.right, where.top),
        Rotation.HALF: (where.right, where.bottom),
        Rotation.LEFT: (where.left, where.bottom),
    }[layout.rotation]
    last = (where.left + where.right - first[0], where.top + where.bottom - first[1])
    if layout.flip_x:
        first, last = (last[0], first[1]), (first[0], last[1])
    if layout.flip_y:
        first, last = (first[0], last[1]), (last[0], first[1])
    assert layout.to_target(0, 0) == first
    assert layout.to_target(layout.guest_width, layout.guest_height) == pytest.approx(last)


@given(sizes, areas, st.sampled_from(Scaling), st.sampled_from([Rotation.RIGHT, Rotation.LEFT]))
def test_turned_sideways_a_picture_is_as_large_as_its_transpose(
    guest: tuple[int, int], area: Rect, scaling: Scaling, rotation: Rotation
) -> None:
    turned = place(guest, area, scaling, rotation=rotation)
    transposed = place(guest[::-1], area, scaling)
    assert (turned.place, turned.whole) == (transposed.place, transposed.whole)
    assert (turned.scale_x, turned.scale_y) == (transposed.scale_x, transposed.scale_y)
    assert turned.visible.empty == transposed.visible.empty


@given(layouts)
def test_what_is_visible_is_in_the_guest_and_in_the_area(layout: Placement) -> None:
    visible = layout.visible
    assert not visible.empty
    slack = 1e-6 * max(layout.guest_width, layout.guest_height)
    assert inside(visible, Rect(-slack, -slack, layout.guest_width + slack, layout.guest_height + slack))
    for x, y in ((visible.left, visible.top), (visible.right, visible.bottom)):
        target = layout.to_target(x, y)
        assert layout.area.left - 1e-6 <= target[0] <= layout.area.right + 1e-6
        assert layout.area.top - 1e-6 <= target[1] <= layout.area.bottom + 1e-6
    if inside(layout.place, layout.area):
        assert visible == Rect(0, 0, layout.guest_width, layout.guest_height)


@given(layouts, fractions, fractions)
def test_a_pixel_is_found_exactly_where_it_is_shown(layout: Placement, across: float, down: float) -> None:
    x = layout.area.left + across * layout.area.width
    y = layout.area.top + down * layout.area.height
    pixel = layout.guest_pixel(x, y)
    shown = layout.place.intersect(layout.area)
    if pixel is None:
        margin = 1e-6
        well_inside = shown.left + margin < x < shown.right - margin and shown.top + margin < y < shown.bottom - margin
        assert not well_inside
    else:
        assert 0 <= pixel[0] < layout.guest_width
        assert 0 <= pixel[1] < layout.guest_height
        assert shown.left <= x <= shown.right and shown.top <= y <= shown.bottom


@given(zoomed_layouts)
def test_a_larger_picture_covers_its_area_whatever_part_is_wanted(layout: Placement) -> None:
    where, area = layout.place, layout.area
    for first, last, left, right in (
        (area.left, area.right, where.left, where.right),
        (area.top, area.bottom, where.top, where.bottom),
    ):
        assert left == int(left) and right == int(right)
        if right - left > last - first:
            assert left <= first and right >= last
        else:
            assert abs((left - first) - (last - right)) <= 1


@given(sizes, areas, st.integers(1, 1000), st.sampled_from(Rotation))
def test_a_zoom_has_its_size_whatever_the_area_is(
    guest: tuple[int, int], area: Rect, percent: int, rotation: Rotation
) -> None:
    layout = place(guest, area, rotation=rotation, zoom=Zoom(percent))
    width, height = guest[::-1] if rotation.sideways else guest
    assert abs(layout.place.width - width * percent / 100) <= 0.5 + (layout.place.width == 1)
    assert abs(layout.place.height - height * percent / 100) <= 0.5 + (layout.place.height == 1)


def _source(position: int, shown: int, count: int, *, mirrored: bool) -> Fraction:
    """Where the middle of a device pixel lies on an axis of ``count`` guest pixels that ``shown`` of them show."""
    place_on_axis = Fraction(2 * position + 1, 2 * shown) * count
    return count - place_on_axis if mirrored else place_on_axis


@given(zoomed_layouts, fractions, fractions)
def test_the_guest_pixel_is_exact_at_every_zoom_part_rotation_and_flip(
    layout: Placement, across: float, down: float
) -> None:
    """By whole-number arithmetic. A middle that lies between two guest pixels may be either's."""
    area, where = layout.area, layout.place
    x = min(int(area.left + across * area.width), int(area.right) - 1)
    y = min(int(area.top + down * area.height), int(area.bottom) - 1)
    column, row = x - int(where.left), y - int(where.top)
    pixel = layout.guest_pixel(x + 0.5, y + 0.5)
    if not (0 <= column < where.width and 0 <= row < where.height):
        assert pixel is None
        return
    assert pixel is not None
    # What is seen, mirrored back, then rotated back.
    seen_width, seen_height = layout.seen_size
    seen = (
        _source(column, int(where.width), seen_width, mirrored=layout.flip_x),
        _source(row, int(where.height), seen_height, mirrored=layout.flip_y),
    )
    expected = {
        Rotation.NONE: seen,
        Rotation.RIGHT: (seen[1], seen_width - seen[0]),
        Rotation.HALF: (seen_width - seen[0], seen_height - seen[1]),
        Rotation.LEFT: (seen_height - seen[1], seen[0]),
    }[layout.rotation]
    for found, exact in zip(pixel, expected, strict=True):
        assert found <= exact <= found + 1


def test_examples_of_zooms() -> None:
    area = Rect(0, 0, 1000, 1000)
    assert place((100, 50), area, zoom=Zoom(200)).place == Rect(400, 450, 600, 550)
    assert place((3000, 50), area, zoom=Zoom(100, 0.0)).place == Rect(0, 475, 3000, 525)
    assert place((3000, 50), area, zoom=Zoom(100, 1.0)).place == Rect(-2000, 475, 1000, 525)
    assert place((1000, 1000), area, zoom=Zoom(400, 0.25, 0.5)).place == Rect(-500, -1500, 3500, 2500)
    assert place((3000, 50), area, Scaling.ACTUAL, zoom=Zoom(None, 0.0)).visible == Rect(0, 0, 1000, 50)
    # The scaling fits the picture into the area: there is no other part.
    assert place((3000, 50), area, Scaling.FIT, zoom=Zoom(None, 0.0)).place == place((3000, 50), area).place


def test_examples() -> None:
    area = Rect(0, 0, 1000, 1000)
    assert place((100, 50), area).place == Rect(0, 250, 1000, 750)
    assert place((300, 150), area, Scaling.INTEGER).place == Rect(50, 275, 950, 725)
    assert place((100, 50), area, Scaling.ACTUAL).place == Rect(450, 475, 550, 525)
    assert place((3000, 50), area, Scaling.ACTUAL).visible == Rect(1000, 0, 2000, 50)
    assert place((3000, 50), area, Scaling.ACTUAL, flip_x=True).visible == Rect(1000, 0, 2000, 50)
    assert place((100, 50), area, flip_x=True).guest_pixel(0.5, 250.5) == (99, 0)
    assert place((100, 50), area, flip_y=True).guest_pixel(0.5, 250.5) == (0, 49)
    assert place((100, 50), area).guest_pixel(0.5, 249.5) is None
    assert place((3000, 50), area, Scaling.ACTUAL).guest_pixel(-0.5, 500) is None


@pytest.mark.parametrize(
    ("rotation", "flip_x", "pixel"),
    [
        (Rotation.NONE, False, (0, 0)),
        (Rotation.RIGHT, False, (0, 1)),
        (Rotation.HALF, False, (2, 1)),
        (Rotation.LEFT, False, (2, 0)),
        # Mirrored as it is seen: turned to the right, the guest's first pixel comes to the left again.
        (Rotation.RIGHT, True, (0, 0)),
        (Rotation.LEFT, True, (2, 1)),
    ],
)
def test_the_pixel_at_the_top_left_of_a_turned_picture(
    rotation: Rotation, flip_x: bool, pixel: tuple[int, int]
) -> None:
    layout = place((3, 2), Rect(0, 0, *((20, 30) if rotation.sideways else (30, 20))), flip_x=flip_x, rotation=rotation)
    assert layout.place.width == (20 if rotation.sideways else 30)
    assert layout.guest_pixel(0.5, 0.5) == pixel


def test_a_few_pixels_too_many_do_not_blur_the_picture() -> None:
    assert place((1200, 662), Rect(0, 0, 1203, 669)).place == Rect(1, 3, 1201, 665)
    assert place((1200, 662), Rect(0, 0, 1203, 900)).whole
    assert place((662, 1200), Rect(0, 0, 1203, 669), rotation=Rotation.LEFT).whole
    # Where more could be gained, it is.
    assert place((1200, 662), Rect(0, 0, 1210, 680)).place.width == 1210
    assert place((64, 64), Rect(0, 0, 70, 70)).place.width == 70
    assert place((1200, 662), Rect(0, 0, 1199, 662)).place.width == 1199


def test_whole_multiples_need_no_filter() -> None:
    assert place((100, 50), Rect(0, 0, 200, 100)).whole
    assert not place((100, 50), Rect(0, 0, 150, 75)).whole
    assert not place((100, 50), Rect(0, 0, 50, 25)).whole


@pytest.mark.parametrize("scaling", Scaling)
def test_an_area_without_pixels_shows_nothing(scaling: Scaling) -> None:
    assert place((100, 50), Rect(0, 0, 0, 0), scaling).visible.empty
    assert place((100, 50), Rect(5, 5, 5, 0), scaling).visible.empty


def test_a_guest_without_pixels_is_an_error() -> None:
    with pytest.raises(ValueError, match="0x5"):
        place((0, 5), Rect(0, 0, 10, 10))
