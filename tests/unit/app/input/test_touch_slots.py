"""The numbers of fingers: each touch that begins in the guest also ends there, whatever the window system tells."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.input.event import Event, Touch, TouchKind
from app.input.touch_slots import MOST_FINGERS, TouchSlots

_MIDDLE = (0.5, 0.5)


def test_a_finger_keeps_its_slot_and_the_lowest_free_one_is_used_next() -> None:
    slots = TouchSlots()
    sent = [*slots.begin(70, _MIDDLE), *slots.begin(71, _MIDDLE), *slots.end(70), *slots.begin(72, _MIDDLE)]
    assert sent == [
        Touch(TouchKind.BEGIN, 0, *_MIDDLE),
        Touch(TouchKind.BEGIN, 1, *_MIDDLE),
        Touch(TouchKind.END, 0, *_MIDDLE),
        Touch(TouchKind.BEGIN, 0, *_MIDDLE),
    ]
    assert slots.move(71, (0.1, 0.2)) == (Touch(TouchKind.UPDATE, 1, 0.1, 0.2),)
    assert slots.move(71, (0.1, 0.2)) == ()
    assert slots.end(71) == (Touch(TouchKind.END, 1, 0.1, 0.2),)
    assert slots.move(71, _MIDDLE) == slots.end(71) == ()
    assert slots.cancel() == (Touch(TouchKind.CANCEL, 0, *_MIDDLE),)
    assert len(slots) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["begin", "move", "end", "cancel"]), st.integers(0, 15))))
def test_every_touch_ends(steps: list[tuple[str, int]]) -> None:
    slots, sent = TouchSlots(), list[Event]()
    for step, finger in steps:
        match step:
            case "begin":
                sent += slots.begin(finger, _MIDDLE)
            case "move":
                sent += slots.move(finger, (finger / 15, 0.5))
            case "end":
                sent += slots.end(finger)
            case _:
                sent += slots.cancel()
    down: set[int] = set()
    for event in (*sent, *slots.cancel()):
        assert isinstance(event, Touch)
        assert event.slot in range(MOST_FINGERS)
        if event.kind is TouchKind.BEGIN:
            assert event.slot not in down
            down.add(event.slot)
        else:
            assert event.slot in down
            if event.kind is not TouchKind.UPDATE:
                down.remove(event.slot)
    assert not down
