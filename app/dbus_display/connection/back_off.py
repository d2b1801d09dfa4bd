"""How long to wait before a listener is registered again. QEMU 10.0 never forgets one, so it must stay rare."""

_FIRST_NS = 1_000_000_000
_LONGEST_NS = 60_000_000_000


class BackOff:
    """1, 2, 4 ... 60 s; from the start after a registration that lived for a minute."""

    def __init__(self) -> None:
        self._next_ns = _FIRST_NS

    def after(self, lived_ns: int) -> int:
        """Nanoseconds to wait after a registration that lived for ``lived_ns`` (0: there was none)."""
        if lived_ns >= _LONGEST_NS:
            self._next_ns = _FIRST_NS
        delay, self._next_ns = self._next_ns, min(2 * self._next_ns, _LONGEST_NS)
        return delay
