"""Which buffer gets the next thumbnail. Pure."""

from collections.abc import Iterable

from app.planes.buffer_facts import BufferFacts


class ThumbnailQueue:
    """Remembers what each buffer showed when its thumbnail was made."""

    def __init__(self) -> None:
        # The thumbnail made last stands last.
        self._made: dict[int, tuple[int, int]] = {}

    def next(self, visible: Iterable[BufferFacts], pictures: int) -> int | None:
        """The serial number of the buffer whose thumbnail is missing, or the oldest of those that may have changed.

        A buffer may have changed if it was shown since. ``pictures`` counts the pictures that the window drew: the
        buffer on the screen may have changed with each. None if no thumbnail is to be made.
        """
        due = [each for each in visible if self._made.get(each.serial) != _shown(each, pictures)]
        missing = [each.serial for each in due if each.serial not in self._made]
        if missing:
            return missing[0]
        order = {serial: index for index, serial in enumerate(self._made)}
        return min((each.serial for each in due), key=order.__getitem__, default=None)

    def made(self, facts: BufferFacts, pictures: int) -> None:
        """A thumbnail of this buffer is made now, or cannot be made."""
        self._made.pop(facts.serial, None)
        self._made[facts.serial] = _shown(facts, pictures)

    def keep(self, serials: Iterable[int]) -> None:
        """Forget all other buffers."""
        kept = set(serials)
        self._made = {serial: shown for serial, shown in self._made.items() if serial in kept}


def _shown(facts: BufferFacts, pictures: int) -> tuple[int, int]:
    return facts.times_shown, pictures if facts.on_screen else 0
