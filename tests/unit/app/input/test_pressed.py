"""Nothing stays pressed in the guest that no finger holds."""

from hypothesis import given
from hypothesis import strategies as st

from app.input.event import Button, Event, Key, Press
from app.input.pressed import PressedKeys


def test_a_hosts_repeat_is_passed_on_and_its_echo_is_not() -> None:
    pressed = PressedKeys()
    assert pressed.press("a") == (Key("a", True),)
    assert pressed.press("a", repeat=True) == (Key("a", True),)
    assert pressed.release("a") == (Key("a", False),)
    assert pressed.release("a") == ()
    assert pressed.press("a", repeat=True) == (), "the guest was not told of the first press"


def test_a_shortcut_leaves_no_modifier_behind() -> None:
    """Ctrl and Alt went to the guest before G made a shortcut of them; their own releases then say nothing new."""
    pressed = PressedKeys()
    pressed.press("ctrl")
    pressed.press("alt")
    assert pressed.release_all() == (Key("alt", False), Key("ctrl", False))
    assert pressed.release("alt") == pressed.release("ctrl") == ()


def test_what_was_held_when_the_link_broke_goes_up_when_it_is_back() -> None:
    pressed = PressedKeys()
    pressed.press("shift")
    pressed.press(Button.LEFT)
    pressed.lose()
    assert not pressed.buttons
    assert pressed.release("shift") == ()
    pressed.lose()
    assert pressed.settle() == (Press(Button.LEFT, False), Key("shift", False))
    assert pressed.settle() == ()


names = st.sampled_from(["a", "shift", Button.LEFT, Button.RIGHT])
doings = st.tuples(st.sampled_from(["press", "repeat", "release", "all", "lose", "settle"]), names)


@given(st.lists(doings))
def test_whatever_happens_the_guest_ends_with_nothing_held(history: list[tuple[str, str | Button]]) -> None:
    pressed = PressedKeys()
    guest: set[str | Button] = set()

    def send(events: tuple[Event, ...]) -> None:
        for event in events:
            assert isinstance(event, Key | Press)
            what = event.qcode if isinstance(event, Key) else event.button
            (guest.add if event.down else guest.discard)(what)

    for doing, what in history:
        match doing:
            case "press":
                send(pressed.press(what))
            case "repeat":
                send(pressed.press(what, repeat=True))
            case "release":
                send(pressed.release(what))
            case "all":
                send(pressed.release_all())
            case "lose":
                pressed.lose()
            case "settle":
                send(pressed.settle())
    send(pressed.settle())
    send(pressed.release_all())
    assert guest == set()
