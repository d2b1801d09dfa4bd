"""Tracks the keys and buttons that are pressed in the guest, so that each of them is released.

The window may never get a release event: it may lose the focus, a shortcut may use the key, the connection may break.
The key would then repeat for ever in the guest, or change the meaning of all other keys.
"""

from collections.abc import Iterable

from app.input.event import Button, Event, Key, Press

_Pressed = str | Button


class PressedKeys:
    """Keys by their ``QKeyCode`` and pointer buttons. Methods return the events to send, ``()`` for none.

    Lock keys (caps, num) are handled like other keys. The guest alone keeps the state that they switch.
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
        """A key or button was pressed. ``repeat`` says that the host repeats a held key.

        Repeats are sent to the guest, like in QEMU's own windows (ui/kbd-state.c): a real PS/2 keyboard repeats keys
        itself, but QEMU's emulated one does not. Guests that repeat keys themselves ignore them. A repeat of a key that
        is not pressed in the guest is dropped.
        """
        if repeat and key not in self._pressed:
            return ()
        self._pressed[key] = None
        return (_event(key, down=True),)

    def release(self, key: _Pressed) -> tuple[Event, ...]:
        """A key or button was released. No event if it is not pressed in the guest, like the last key of a shortcut."""
        if key not in self._pressed:
            return ()
        del self._pressed[key]
        return (_event(key, down=False),)

    def release_all(self) -> tuple[Event, ...]:
        """Release everything, the last key first."""
        return _releases(self._take(self._pressed))

    def defer_releases(self) -> None:
        """The connection to the guest is lost: release everything later."""
        self._deferred |= dict.fromkeys(self._take(self._pressed))

    def deferred_releases(self) -> tuple[Event, ...]:
        """There is a connection again: release what was deferred, even if the user still holds it."""
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
