"""Limits how many changes of one kind are told, because a guest may change anything at every frame."""

from dataclasses import dataclass, replace

from app.diagnosis.changes.change import Change, ChangeKind
from app.planes.plane import PlaneKind

_SECOND = 1_000_000_000
# So many of one kind are told in the first window; in the windows that follow without a pause, one.
_FIRST = 5
_LONGEST_NS = 10 * _SECOND


@dataclass(slots=True)
class _Window:
    began_ns: int
    length_ns: int = _SECOND
    left: int = _FIRST
    omitted: int = 0
    last: Change | None = None


class ChangeLimit:
    """Lets changes through, for each kind and plane a few; what it omits it tells later as one change.

    A window is one second long. While changes come too fast, each is twice as long as the one before, up to 10 seconds.
    """

    def __init__(self) -> None:
        self._windows: dict[tuple[ChangeKind, PlaneKind | None], _Window] = {}

    @property
    def due_ns(self) -> int | None:
        """When :meth:`omitted` has something to tell; None for never."""
        return min((each.began_ns + each.length_ns for each in self._windows.values() if each.omitted), default=None)

    def passes(self, change: Change) -> bool:
        """Whether the change is told now. Call :meth:`omitted` with its time first."""
        key = (change.kind, change.plane)
        window = self._windows.get(key)
        if window is None or change.ns - window.began_ns >= window.length_ns:
            window = self._windows[key] = _Window(change.ns)
        if window.left > 0:
            window.left -= 1
            return True
        window.omitted += 1
        window.last = change
        return False

    def omitted(self, ns: int) -> tuple[Change, ...]:
        """One change for each kind of which some were omitted in a window that ended before ``ns``."""
        told = []
        for key, window in self._windows.items():
            if not window.omitted or ns - window.began_ns < window.length_ns:
                continue
            assert window.last is not None
            told.append(_summary(window.last, window.omitted, ns - window.began_ns, ns))
            self._windows[key] = replace(
                window, began_ns=ns, length_ns=min(2 * window.length_ns, _LONGEST_NS), left=1, omitted=0, last=None
            )
        return tuple(told)


def _summary(last: Change, count: int, length_ns: int, ns: int) -> Change:
    more = f"{count} more changes" if count > 1 else "1 more change"
    text = f"{more} of this kind in {length_ns / _SECOND:.1f} s; the last: {last.text}"
    values = {"omitted": count, "omitted_kind": last.kind.value, "last": dict(last.values)}
    return Change(ns, ChangeKind.OMITTED, text, last.plane, values)
