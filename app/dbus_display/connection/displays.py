"""The connections of this program to VMs' displays, one for each VM: peer to peer, a second one would end the first."""

import threading
from collections.abc import Callable, Hashable

from app.dbus_display.connection.vm_display import ControlState, VmDisplay


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.display: VmDisplay | None = None


class Displays:
    """Owns the displays, each while somebody uses it. Methods may be called on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[Hashable, _Shared] = {}

    def take(self, key: Hashable, connect: Callable[[], VmDisplay]) -> tuple[VmDisplay, Callable[[], None]]:
        """The display of the VM with this key, and what gives it back: more calls of that do nothing.

        ``key`` names the VM: its pid and start time, or its bus and unique name. ``connect`` is called if it is not
        connected yet, or has been lost; what it raises is raised here.
        """
        with self._lock:
            shared = self._shared.get(key)
            if shared is None or (shared.display is not None and shared.display.state is ControlState.LOST):
                shared = self._shared[key] = _Shared()
            shared.users += 1
        release = self._release_once(key, shared)
        try:
            # Another thread may be connecting: this waits for it.
            with shared.lock:
                if shared.display is None:
                    shared.display = connect()
                return shared.display, release
        except BaseException:
            release()
            raise

    def hold(self, key: Hashable) -> Callable[[], None]:
        """Count as one more user of a display that is used now. Returns what gives it back; it never connects."""
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:
                return lambda: None
            shared.users += 1
        return self._release_once(key, shared)

    def _release_once(self, key: Hashable, shared: _Shared) -> Callable[[], None]:
        left = [1]

        def release() -> None:
            with self._lock:
                shared.users -= left[0]
                is_last, left[0] = bool(left[0]) and not shared.users, 0
                if is_last and self._shared.get(key) is shared:
                    del self._shared[key]
            if is_last and shared.display is not None:
                shared.display.close()

        return release


DISPLAYS = Displays()
"""This program's."""
