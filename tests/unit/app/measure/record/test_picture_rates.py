"""The rates that a window always shows."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.measure.record.frame_record import Kind
from app.measure.record.picture_rates import PictureRates, Rates
from app.measure.record.recorder import Recorder
from app.planes.damage import DamagedRect
from app.planes.plane import PlaneKind
from tests.unit.app.measure.records import MS, frame, surface

SECOND = 1000 * MS


def test_a_guest_with_five_flips_and_sixty_cursor_moves_a_second_has_five_frames() -> None:
    rates, pictures = PictureRates(), [surface(1), surface(2)]
    for tick in range(60):
        cursor = surface(9, PlaneKind.CURSOR, x=tick)
        rates.found(frame(pictures[tick // 12 % 2], cursor))
        rates.drawn(SECOND + tick * 16 * MS)
    assert rates.rates(SECOND + 960 * MS) == Rates(flips=5, cursor_moves=55)
    assert rates.rates(3 * SECOND) == Rates()


def test_a_guest_that_flips_twice_between_two_pictures_does_not_stand_still() -> None:
    rates, one, other = PictureRates(), surface(1), surface(2)
    rates.found(frame(one))
    rates.drawn(0)
    rates.found(frame(other))
    rates.found(frame(one))
    rates.drawn(16 * MS)
    assert rates.rates(20 * MS).flips == 2


def test_a_message_that_changes_the_buffer_on_the_screen_is_a_change() -> None:
    rates, one = PictureRates(), surface(1)
    rates.found(frame(one))
    rates.drawn(0)
    rates.found(replace(frame(one), damage=(DamagedRect(0, 0, 2, 2),)))
    rates.drawn(2 * MS)
    rates.found(replace(frame(one), damage=()))
    rates.drawn(4 * MS)
    assert rates.rates(5 * MS) == Rates(flips=1, changes=1)


_STEPS = st.lists(st.sampled_from(["flip", "cursor", "both", "pixels", "draw", "off", "hide"]), max_size=60)


@given(_STEPS)
def test_the_rates_count_what_a_recorder_calls_flip_change_and_cursor(steps: list[str]) -> None:
    rates, recorder = PictureRates(), Recorder()
    primary, cursor = None, None
    kinds = []
    for number, step in enumerate(steps):
        if step == "draw":
            rates.drawn(number)
            kinds.append(recorder.drawn(frame(primary, cursor), number, number).kind)
            continue
        if step == "pixels":
            rates.pixels_changed()
            recorder.pixels_changed(number, number)
            continue
        if step in ("flip", "both"):
            primary = surface(number)
        if step in ("cursor", "both"):
            cursor = surface(number, PlaneKind.CURSOR)
        if step in ("off", "hide"):
            primary, cursor = None if step == "off" else primary, None
        now = frame(primary, cursor)
        rates.found(now)
        recorder.found(now)
    shown = Rates(*(kinds.count(each) for each in (Kind.FLIP, Kind.CHANGE, Kind.CURSOR)))
    assert rates.rates(len(steps)) == shown
