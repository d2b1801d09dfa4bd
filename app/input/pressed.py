"""What the guest believes to be held down, so that it is always told when it is not any more.

A key whose release goes elsewhere (the window lost the focus, a shortcut of ours fired, the link broke) would repeat
in the guest for ever, or change the meaning of every key after it.
"""

from collections.abc import Iterable

from app.input.event import Button, Event, Key, Press

_What = str | Button


class PressedKeys:
    """Keys by their ``QKeyCode`` and pointer buttons. Methods return what to send; nothing to send is ``()``.

    Locks (caps, num) are keys like others here: what they have switched is the guest's own state, and is left alone.
    """

    def __init__(self) -> None:
        # A dict for its order: what was pressed last is released first.
        self._held: dict[_What, None] = {}
        self._owed: dict[_What, None] = {}

    def __contains__(self, what: object) -> bool:
        return what in self._held

    @property
    def buttons(self) -> bool:
        """Whether a pointer button is pressed."""
        return any(isinstance(each, Button) for each in self._held)

    def press(self, what: _What, *, repeat: bool = False) -> tuple[Event, ...]:
        """A key or button went down; ``repeat`` says that the host repeats a key that is pressed.

        Repeats go to the guest, as from QEMU's own windows (ui/kbd-state.c): a PS/2 keyboard has to repeat by
        itself, and the emulated one leaves that to whoever sends it keys. Devices whose guest repeats ignore them.
        A repeat of what the guest was not told of is none of its business.
        """
        if repeat and what not in self._held:
            return ()
        self._held[what] = None
        return (_event(what, down=True),)

    def release(self, what: _What) -> tuple[Event, ...]:
        """It went up. Nothing where the guest was not told that it went down, as of a shortcut's last key."""
        if what not in self._held:
            return ()
        del self._held[what]
        return (_event(what, down=False),)

    def release_all(self) -> tuple[Event, ...]:
        """Everything goes up, in the reverse order."""
        return _up(self._take(self._held))

    def lose(self) -> None:
        """The guest cannot be told any more. What is held stays owed to it."""
        self._owed |= dict.fromkeys(self._take(self._held))

    def settle(self) -> tuple[Event, ...]:
        """The guest can be told again: what was owed goes up, whatever fingers do meanwhile."""
        return _up(self._take(self._owed))

    @staticmethod
    def _take(group: dict[_What, None]) -> tuple[_What, ...]:
        taken = tuple(group)
        group.clear()
        return taken


def _up(what: Iterable[_What]) -> tuple[Event, ...]:
    return tuple(_event(each, down=False) for each in reversed(tuple(what)))


def _event(what: _What, *, down: bool) -> Event:
    return Press(what, down) if isinstance(what, Button) else Key(what, down)
