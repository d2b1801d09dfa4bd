"""Input that waits for a VM: the order stays, motion is merged, each command suits QEMU."""

from hypothesis import given
from hypothesis import strategies as st

from app.input.event import Absolute, Axis, Button, Event, Key, Press, Relative, Touch, TouchKind
from app.vm.input_queue import KEY_BURST, KEY_INTERVAL_NS, KEYS_AT_ONCE, InputQueue, KeyRateLimit, SentPresses


def _batches(queue: InputQueue) -> list[tuple[Event, ...]]:
    batches = []
    while batch := queue.take():
        batches.append(batch)
    return batches


def _key(code: str) -> list[Event]:
    return [Key(code, True), Key(code, False)]


def _at(x: int, y: int) -> list[Event]:
    return [Absolute(Axis.X, x), Absolute(Axis.Y, y)]


def _click(button: Button) -> list[Event]:
    return [Press(button, True), Press(button, False)]


def test_of_positions_that_wait_only_the_newest_is_sent() -> None:
    queue = InputQueue()
    for step in range(100):
        queue.push(_at(step, 2 * step))
    assert _batches(queue) == [(Absolute(Axis.X, 99), Absolute(Axis.Y, 198))]


def test_relative_motion_that_waits_is_summed() -> None:
    queue = InputQueue()
    for _ in range(100):
        queue.push([Relative(Axis.X, 3), Relative(Axis.Y, -1)])
    assert _batches(queue) == [(Relative(Axis.X, 300), Relative(Axis.Y, -100))]


def test_a_button_is_pressed_where_the_pointer_was_then() -> None:
    queue = InputQueue()
    queue.push([*_at(1, 1), Press(Button.LEFT, True), *_at(5, 5), Press(Button.LEFT, False), *_at(9, 9)])
    assert _batches(queue) == [
        (*_at(1, 1), Press(Button.LEFT, True)),
        (*_at(5, 5), Press(Button.LEFT, False)),
        (*_at(9, 9),),
    ]


def test_a_click_takes_two_commands_because_one_report_would_lose_it() -> None:
    queue = InputQueue()
    queue.push(_click(Button.LEFT) * 2)
    assert _batches(queue) == [(each,) for each in _click(Button.LEFT) * 2]


def test_a_notch_of_the_wheel_takes_one_command() -> None:
    queue = InputQueue()
    queue.push([*_at(1, 1), *_click(Button.WHEEL_UP) * 2, *_click(Button.WHEEL_LEFT)])
    assert _batches(queue) == [
        (*_at(1, 1), *_click(Button.WHEEL_UP)),
        (*_click(Button.WHEEL_UP),),
        (*_click(Button.WHEEL_LEFT),),
    ]


def test_keys_share_commands_only_with_keys() -> None:
    queue = InputQueue()
    queue.push([*_at(1, 1), *_key("a"), *_key("b"), *_key("c"), Press(Button.LEFT, True)])
    first, *keys, last = _batches(queue)
    assert first == (*_at(1, 1),)
    assert last == (Press(Button.LEFT, True),)
    assert [key for batch in keys for key in batch] == [*_key("a"), *_key("b"), *_key("c")]
    assert max(len(batch) for batch in keys) <= KEYS_AT_ONCE


def test_a_full_queue_takes_no_more_keys_and_still_merges_motion() -> None:
    queue = InputQueue(limit=4)
    assert queue.push(_key("a") * 2)
    assert not queue.push(_key("b"))
    assert queue.push(_at(1, 1))
    assert queue.push(_at(2, 2))
    assert [event for batch in _batches(queue) for event in batch] == [*_key("a") * 2, *_at(2, 2)]


_EVENTS = st.one_of(
    st.builds(Key, st.sampled_from("ab"), st.booleans()),
    st.builds(Press, st.sampled_from([Button.LEFT, Button.WHEEL_UP]), st.booleans()),
    st.builds(Absolute, st.sampled_from(Axis), st.integers(0, 9)),
    st.builds(Relative, st.sampled_from(Axis), st.integers(-9, 9)),
)


@given(st.lists(st.one_of(_EVENTS, st.none()), max_size=60))
def test_whenever_commands_are_taken_the_guest_gets_the_same_keys_at_the_same_positions(
    events: list[Event | None],
) -> None:
    """None: the VM is ready for a command."""
    queue = InputQueue()
    sent: list[Event] = []
    for event in events:
        if event is None:
            sent += queue.take()
        else:
            queue.push([event])
    for batch in _batches(queue):
        # Motion first, then either keys or one button.
        motion = [isinstance(each, Absolute | Relative) for each in batch]
        assert motion == sorted(motion, reverse=True)
        kinds = {type(each) for each in batch}
        assert not {Key} < kinds
        sent += batch
    assert _observed(sent) == _observed([each for each in events if each is not None])


def _observed(events: list[Event]) -> list[object]:
    """Each key and button with the pointer's position then, and the last position."""
    place: dict[object, int] = {}
    observed: list[object] = []
    for event in events:
        match event:
            case Absolute(axis, value):
                place[Absolute, axis] = value
            case Relative(axis, value):
                place[Relative, axis] = place.get((Relative, axis), 0) + value
            case _:
                observed.append((event, {key: each for key, each in place.items() if each}))
    return [*observed, {key: each for key, each in place.items() if each}]


def test_keys_after_a_burst_wait_until_the_guest_can_have_read_them() -> None:
    pace = KeyRateLimit()
    batch = _key("a")
    for _ in range(KEY_BURST // 2):
        assert pace.delay(batch, 0) == 0
    assert pace.delay(batch, 0) == 2 * KEY_INTERVAL_NS
    assert pace.delay(batch, 2 * KEY_INTERVAL_NS) == 0
    assert pace.delay(_at(1, 1), 2 * KEY_INTERVAL_NS) == 0
    # After a pause a burst may be sent again.
    assert pace.delay([*_key("ctrl"), *_key("alt"), *_key("delete")], 10**12) == 0


def test_what_was_pressed_and_not_released_is_known() -> None:
    pressed = SentPresses()
    pressed.finish([Key("a", True), *_key("b"), Press(Button.LEFT, True), Key("a", True)])
    pressed.finish([*_click(Button.WHEEL_UP)])
    assert pressed.releases() == (Key("a", False), Press(Button.LEFT, False))
    pressed.finish(pressed.releases())
    assert pressed.releases() == ()


def test_what_is_on_its_way_counts_as_pressed_until_its_release_was_answered() -> None:
    pressed = SentPresses()
    pressed.start(_key("a"))
    assert pressed.releases() == (Key("a", False),), "the connection may break between the two"
    pressed.finish(_key("a"))
    pressed.finish([Key("b", True)])
    pressed.start([Key("b", False)])
    assert pressed.releases() == (Key("b", False),), "the VM may never have got the release"
    pressed.finish([Key("b", False), Key("b", True)])
    assert pressed.releases() == (Key("b", False),)


def _moved(slot: int, x: float) -> Touch:
    return Touch(TouchKind.UPDATE, slot, x, 0.0)


def test_of_the_motion_of_each_finger_only_the_last_is_sent_and_no_touch_is_lost() -> None:
    queue = InputQueue()
    down, up = Touch(TouchKind.BEGIN, 0, 0.0, 0.0), Touch(TouchKind.END, 0, 1.0, 0.0)
    queue.push([down])
    for step in range(100):
        queue.push([_moved(0, step), _moved(1, 2 * step)])
    queue.push([up, down, _moved(0, 5), *_key("a"), _moved(0, 6)])
    assert _batches(queue) == [
        (down, _moved(0, 99), _moved(1, 198), up, down, _moved(0, 5)),
        tuple(_key("a")),
        (_moved(0, 6),),
    ]


def test_a_finger_that_touches_is_cancelled() -> None:
    pressed = SentPresses()
    pressed.start([Touch(TouchKind.BEGIN, 2, 0.5, 0.5), Touch(TouchKind.BEGIN, 3, 0.5, 0.5)])
    pressed.finish([_moved(2, 0.1), Touch(TouchKind.END, 3, 0.5, 0.5)])
    assert pressed.releases() == (Touch(TouchKind.CANCEL, 2, 0.0, 0.0),)
