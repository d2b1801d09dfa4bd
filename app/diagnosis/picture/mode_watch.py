"""Whether the guest took the mode that it was asked for last. Pure, with the times that it is given."""

from app.diagnosis.picture.picture_facts import ModeRequest
from app.edid.mode import Mode

PATIENCE_S = 10.0
"""A guest that has not taken a mode after so many seconds has a finding."""
_SECOND = 1_000_000_000
# Some drivers round the width down to a multiple of eight, as CVT does.
_CELL = 8

Size = tuple[int, int]


class ModeWatch:
    """Is told of each request and of the size that is shown. Times are nanoseconds.

    A request ends when the guest takes the mode: if it changes its mode later, that is what its user wants.
    """

    def __init__(self) -> None:
        self._asked: Size | None = None
        self._asked_ns = 0
        self._before: Size | None = None

    def asked(self, mode: Mode, shown: Size | None, ns: int) -> None:
        """The guest was asked for ``mode``, while it showed ``shown`` (None: no picture)."""
        self._asked, self._asked_ns, self._before = (mode.width, mode.height), ns, shown
        self.saw(shown)

    def saw(self, shown: Size | None) -> None:
        """The guest shows a picture of this size, or none."""
        if self._asked is not None and shown is not None and _is_taken(self._asked, shown):
            self._asked = None

    def forget(self) -> None:
        self._asked = None

    def late(self, ns: int) -> ModeRequest | None:
        """The request that the guest has not met in time; None if there is none."""
        if self._asked is None or ns - self._asked_ns < PATIENCE_S * _SECOND:
            return None
        return ModeRequest(*self._asked, before=self._before)


def _is_taken(asked: Size, shown: Size) -> bool:
    return asked[1] == shown[1] and 0 <= asked[0] - shown[0] < _CELL
