"""Nothing stays pressed in the guest that no finger holds."""

from hypothesis import given
from hypothesis import strategies as st

from app.input.event import Button, Event, Key, Press
from app.input.held import Held


def test_a_hosts_repeat_is_passed_on_and_its_echo_is_not() -> None:
    held = Held()
    assert held.press("a") == (Key("a", True),)
    assert held.press("a", repeat=True) == (Key("a", True),)
    assert held.release("a") == (Key("a", False),)
    assert held.release("a") == ()
    assert held.press("a", repeat=True) == (), "the guest was not told of the first press"


def test_a_shortcut_leaves_no_modifier_behind() -> None:
    """Ctrl and Alt went to the guest before G made a shortcut of them; their own releases then say nothing new."""
    held = Held()
    held.press("ctrl")
    held.press("alt")
    assert held.release_all() == (Key("alt", False), Key("ctrl", False))
    assert held.release("alt") == held.release("ctrl") == ()


def test_what_was_held_when_the_link_broke_goes_up_when_it_is_back() -> None:
    held = Held()
    held.press("shift")
    held.press(Button.LEFT)
    held.lose()
    assert not held.buttons
    assert held.release("shift") == ()
    held.lose()
    assert held.settle() == (Press(Button.LEFT, False), Key("shift", False))
    assert held.settle() == ()


names = st.sampled_from(["a", "shift", Button.LEFT, Button.RIGHT])
doings = st.tuples(st.sampled_from(["press", "repeat", "release", "all", "lose", "settle"]), names)


@given(st.lists(doings))
def test_whatever_happens_the_guest_ends_with_nothing_held(history: list[tuple[str, str | Button]]) -> None:
    held = Held()
    guest: set[str | Button] = set()

    def send(events: tuple[Event, ...]) -> None:
        for event in events:
            assert isinstance(event, Key | Press)
            what = event.qcode if isinstance(event, Key) else event.button
            (guest.add if event.down else guest.discard)(what)

    for doing, what in history:
        match doing:
            case "press":
                send(held.press(what))
            case "repeat":
                send(held.press(what, repeat=True))
            case "release":
                send(held.release(what))
            case "all":
                send(held.release_all())
            case "lose":
                held.lose()
            case "settle":
                send(held.settle())
    send(held.settle())
    send(held.release_all())
    assert guest == set()
