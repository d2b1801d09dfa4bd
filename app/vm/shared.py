"""Things of this program with several users: each is made for the first one and ended after the last one."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class _Entry(Generic[_T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.thing: _T | None = None
        self.ended = threading.Event()


class Shared(Generic[_T]):
    """Owns things by their keys. Methods may be called on any thread."""

    def __init__(self, is_usable: Callable[[_T], bool], end: Callable[[_T], None]) -> None:
        """``is_usable``: whether one that exists can have one more user. ``end`` is called once for each."""
        self._is_usable = is_usable
        self._end = end
        self._lock = threading.Lock()
        self._entries: dict[Hashable, _Entry[_T]] = {}

    def take(self, key: Hashable, make: Callable[[], _T]) -> tuple[_T, Callable[[], None]]:
        """The thing with this key, and what gives it back; more calls of that do nothing.

        ``make`` is called if there is none that is usable; what it raises is raised here. Waits for the end of one that
        is being ended.
        """
        entry = self._new_user(key)
        release = self._release_once(key, entry)
        try:
            # Another thread may be making it: this waits for it.
            with entry.lock:
                if entry.thing is None:
                    entry.thing = make()
                return entry.thing, release
        except BaseException:
            release()
            raise

    def join(self, key: Hashable) -> tuple[_T, Callable[[], None]] | None:
        """As :meth:`take`, but None if nothing usable has been made yet."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.thing is None or not (entry.users and self._has_room(entry)):
                return None
            entry.users += 1
            return entry.thing, self._release_once(key, entry)

    def hold(self, key: Hashable) -> Callable[[], None]:
        """Count as one more user of a thing that is used now, usable or not. Returns what gives it back."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or not entry.users:
                return lambda: None
            entry.users += 1
        return self._release_once(key, entry)

    def _new_user(self, key: Hashable) -> _Entry[_T]:
        while True:
            with self._lock:
                entry = self._entries.get(key)
                if entry is None or (entry.users and not self._has_room(entry)):
                    entry = self._entries[key] = _Entry()
                    entry.users = 1
                    return entry
                if entry.users:
                    entry.users += 1
                    return entry
            entry.ended.wait()

    def _has_room(self, entry: _Entry[_T]) -> bool:
        return entry.thing is None or self._is_usable(entry.thing)

    def _release_once(self, key: Hashable, entry: _Entry[_T]) -> Callable[[], None]:
        left = [1]

        def release() -> None:
            with self._lock:
                entry.users -= left[0]
                is_last, left[0] = bool(left[0]) and not entry.users, 0
            if not is_last:
                return
            try:
                if entry.thing is not None:
                    self._end(entry.thing)
            finally:
                with self._lock:
                    if self._entries.get(key) is entry:
                        del self._entries[key]
                entry.ended.set()

        return release
