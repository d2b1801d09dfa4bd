"""The keys and buttons that are pressed in the guest, so that every one of them is released.

A release may never come: the window loses the focus, a shortcut of the window uses the key, the connection breaks. In
the guest the key would then repeat for ever, or change the meaning of every other key.
"""

from collections.abc import Iterable

from app.input.event import Button, Event, Key, Press

_Pressed = str | Button


class PressedKeys:
    """Keys by their ``QKeyCode`` and pointer buttons. Methods return the events to send, ``()`` for none.

    Locks (caps, num) are keys like others here. The state that they switch is the guest's and is not changed.
    """

    def __init__(self) -> None:
        # Dicts keep the order: the last key is released first.
        self._pressed: dict[_Pressed, None] = {}
        self._deferred: dict[_Pressed, None] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._pressed

    @property
    def has_button(self) -> bool:
        """Whether a pointer button is pressed."""
        return any(isinstance(each, Button) for each in self._pressed)

    def press(self, key: _Pressed, *, repeat: bool = False) -> tuple[Event, ...]:
        """A key or button was pressed; ``repeat``: the host repeats a key that is held.

        Repeats go to the guest, as QEMU's own windows send them (ui/kbd-state.c): a PS/2 keyboard repeats keys itself,
        but the emulated one leaves that to the host. Guests that repeat keys themselves ignore them. A repeat of a key
        that is not pressed in the guest is dropped.
        """
        if repeat and key not in self._pressed:
            return ()
        self._pressed[key] = None
        return (_event(key, down=True),)

    def release(self, key: _Pressed) -> tuple[Event, ...]:
        """It was released. Nothing if it is not pressed in the guest, as the last key of a shortcut is not."""
        if key not in self._pressed:
            return ()
        del self._pressed[key]
        return (_event(key, down=False),)

    def release_all(self) -> tuple[Event, ...]:
        """Release everything, in the reverse order."""
        return _releases(self._take(self._pressed))

    def defer_releases(self) -> None:
        """There is no connection to the guest: everything is released later."""
        self._deferred |= dict.fromkeys(self._take(self._pressed))

    def deferred_releases(self) -> tuple[Event, ...]:
        """There is a connection again: what was deferred is released, also if the user still holds it."""
        return _releases(self._take(self._deferred))

    @staticmethod
    def _take(keys: dict[_Pressed, None]) -> tuple[_Pressed, ...]:
        taken = tuple(keys)
        keys.clear()
        return taken


def _releases(keys: Iterable[_Pressed]) -> tuple[Event, ...]:
    return tuple(_event(each, down=False) for each in reversed(tuple(keys)))


def _event(key: _Pressed, *, down: bool) -> Event:
    return Press(key, down) if isinstance(key, Button) else Key(key, down)
