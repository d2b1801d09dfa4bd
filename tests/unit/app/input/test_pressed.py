"""Nothing stays pressed in the guest that the user does not hold."""

from hypothesis import given
from hypothesis import strategies as st

from app.input.event import Button, Event, Key, Press
from app.input.pressed import PressedKeys


def test_a_repeat_is_sent_only_for_a_pressed_key() -> None:
    pressed = PressedKeys()
    assert pressed.press("a") == (Key("a", True),)
    assert pressed.press("a", repeat=True) == (Key("a", True),)
    assert pressed.release("a") == (Key("a", False),)
    assert pressed.release("a") == ()
    assert pressed.press("a", repeat=True) == (), "it is not pressed in the guest"


def test_a_shortcut_leaves_no_modifier_behind() -> None:
    """Ctrl and Alt went to the guest before G made a shortcut of them; their own releases come too late."""
    pressed = PressedKeys()
    pressed.press("ctrl")
    pressed.press("alt")
    assert pressed.release_all() == (Key("alt", False), Key("ctrl", False))
    assert pressed.release("alt") == pressed.release("ctrl") == ()


def test_what_was_pressed_when_the_connection_broke_is_released_on_the_next() -> None:
    pressed = PressedKeys()
    pressed.press("shift")
    pressed.press(Button.LEFT)
    pressed.defer_releases()
    assert not pressed.has_button
    assert pressed.release("shift") == ()
    pressed.defer_releases()
    assert pressed.deferred_releases() == (Press(Button.LEFT, False), Key("shift", False))
    assert pressed.deferred_releases() == ()


names = st.sampled_from(["a", "shift", Button.LEFT, Button.RIGHT])
actions = st.tuples(st.sampled_from(["press", "repeat", "release", "all", "defer", "deferred"]), names)


@given(st.lists(actions))
def test_whatever_happens_the_guest_ends_with_nothing_pressed(history: list[tuple[str, str | Button]]) -> None:
    pressed = PressedKeys()
    guest: set[str | Button] = set()

    def send(events: tuple[Event, ...]) -> None:
        for event in events:
            assert isinstance(event, Key | Press)
            what = event.qcode if isinstance(event, Key) else event.button
            (guest.add if event.down else guest.discard)(what)

    for action, key in history:
        match action:
            case "press":
                send(pressed.press(key))
            case "repeat":
                send(pressed.press(key, repeat=True))
            case "release":
                send(pressed.release(key))
            case "all":
                send(pressed.release_all())
            case "defer":
                pressed.defer_releases()
            case "deferred":
                send(pressed.deferred_releases())
    send(pressed.deferred_releases())
    send(pressed.release_all())
    assert guest == set()
