"""What zoom follows from a wheel, a key or a drag."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planes.placement import Placement, Rect, Rotation, Scaling, Zoom, place
from app.planes.zoom import STEPS, Bars, moved, needed_bars, next_step, percent_of, zoomed

sizes = st.tuples(st.integers(1, 8192), st.integers(1, 8192))
areas = st.builds(lambda width, height: Rect(0, 0, width, height), st.integers(1, 8192), st.integers(1, 8192))
percents = st.integers(25, 400)
middles = st.floats(0, 1)
zooms = st.builds(Zoom, percents, middles, middles)
# A picture that is zoomed, and its zoom.
layouts = st.builds(
    lambda guest, area, rotation, zoom: (place(guest, area, rotation=rotation, zoom=zoom), zoom),
    sizes,
    areas,
    st.sampled_from(Rotation),
    zooms,
)


def again(layout: Placement, zoom: Zoom, area: Rect | None = None) -> Placement:
    """The same picture with another zoom."""
    return place((layout.guest_width, layout.guest_height), area or layout.area, rotation=layout.rotation, zoom=zoom)


def test_each_step_is_reached_from_both_sides_and_the_ends_stay() -> None:
    assert [next_step(each, 1) for each in STEPS[:-1]] == list(STEPS[1:])
    assert [next_step(each, -1) for each in STEPS[1:]] == list(STEPS[:-1])
    assert (next_step(400, 3), next_step(25, -3)) == (400, 25)
    # From a size that a scaling gave.
    assert (next_step(62, 1), next_step(62, -1), next_step(1000, -1), next_step(7, 1)) == (67, 50, 400, 25)
    assert (next_step(100, 3), next_step(100, -3), next_step(62, 0)) == (200, 50, 62)


@given(sizes, areas, st.sampled_from(Rotation), percents)
def test_the_percent_of_a_zoom_is_the_zooms(
    guest: tuple[int, int], area: Rect, rotation: Rotation, percent: int
) -> None:
    if max(guest) >= 400:
        assert percent_of(place(guest, area, rotation=rotation, zoom=Zoom(percent))) == percent


@given(layouts, percents, st.data())
def test_a_zoom_keeps_the_point_below_the_pointer(
    zoomed_layout: tuple[Placement, Zoom], percent: int, data: st.DataObject
) -> None:
    """Also where the scroll bars that come take from the area, but not beyond the picture's edges."""
    layout, before = zoomed_layout
    where, area = layout.place, layout.area
    inside = where.intersect(area)
    x = data.draw(st.floats(inside.left, inside.right))
    y = data.draw(st.floats(inside.top, inside.bottom))
    smaller = Rect(0, 0, max(1, area.right - data.draw(st.integers(0, 20))), max(1, area.bottom - 14))
    zoom = zoomed(layout, before, percent, smaller, x, y)
    after = again(layout, zoom, smaller)
    point = after.to_target(*layout.to_guest(x, y))
    for found, wanted, start, end, first, last, length in (
        (point[0], x, after.place.left, after.place.right, smaller.left, smaller.right, where.width),
        (point[1], y, after.place.top, after.place.bottom, smaller.top, smaller.bottom, where.height),
    ):
        at_edge = start == first or end == last or end - start <= last - first
        # Both placements begin at a whole device pixel.
        assert at_edge or abs(found - wanted) <= 1 + (end - start) / length


@given(layouts, st.lists(percents, max_size=8), st.data())
def test_many_zooms_at_one_point_add_up_to_no_error(
    zoomed_layout: tuple[Placement, Zoom], steps: list[int], data: st.DataObject
) -> None:
    """As long as the picture covers the area, and no edge stops it."""
    layout, first = zoomed_layout
    area = layout.area
    x = data.draw(st.floats(0, area.right))
    y = data.draw(st.floats(0, area.bottom))
    zoom, now = first, layout
    for percent in (*steps, first.percent):
        assert percent is not None
        zoom = zoomed(now, zoom, percent, area, x, y)
        now = again(layout, zoom)
        where = now.place
        if not (where.left < 0 and where.top < 0 and where.right > area.right and where.bottom > area.bottom):
            return
    if layout.place.left < 0 and layout.place.top < 0:
        assert abs(now.place.left - layout.place.left) <= 1
        assert abs(now.place.top - layout.place.top) <= 1


@given(layouts, st.integers(-9000, 9000), st.integers(-9000, 9000))
def test_a_picture_moves_by_whole_pixels_up_to_its_edges(
    zoomed_layout: tuple[Placement, Zoom], right: int, down: int
) -> None:
    layout, zoom = zoomed_layout
    before, area = layout.place, layout.area
    after = again(layout, moved(layout, zoom, right, down))
    for now, start, end, first, last, by in (
        (after.place.left, before.left, before.right, area.left, area.right, right),
        (after.place.top, before.top, before.bottom, area.top, area.bottom, down),
    ):
        if end - start <= last - first:
            assert now == start
        else:
            assert now == min(first, max(last - (end - start), start + by))


@given(layouts, st.integers(1, 500))
def test_a_drag_beyond_an_edge_does_not_have_to_be_undone_first(zoomed_layout: tuple[Placement, Zoom], by: int) -> None:
    layout, zoom = zoomed_layout
    free = layout.area.width - layout.place.width
    if free >= 0:
        return
    edge = moved(layout, zoom, 100_000, 100_000)
    assert edge == moved(again(layout, edge), edge, 5, 5)
    assert again(layout, moved(again(layout, edge), edge, -by, 0)).place.left == max(-by, free)


@given(sizes, areas, st.sampled_from(Scaling), st.sampled_from(Rotation), st.none() | percents, st.integers(1, 40))
def test_bars_are_there_exactly_where_a_part_is_outside(
    guest: tuple[int, int],
    room: Rect,
    scaling: Scaling,
    rotation: Rotation,
    percent: int | None,
    bar: int,
) -> None:
    bars = needed_bars(guest, scaling, rotation, percent, room, bar)
    left = Rect(0, 0, room.right - bar * bars.vertical, room.bottom - bar * bars.horizontal)
    if left.empty:
        return
    where = place(guest, left, scaling, rotation=rotation, zoom=Zoom(percent)).place
    assert bars == Bars(where.width > left.width, where.height > left.height)


@pytest.mark.parametrize("scaling", [Scaling.FIT, Scaling.INTEGER])
def test_a_picture_that_is_fitted_has_no_bars(scaling: Scaling) -> None:
    assert needed_bars((4000, 4000), scaling, Rotation.NONE, None, Rect(0, 0, 100, 100), 10) == Bars()
