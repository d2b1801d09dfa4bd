"""A guest's PV keyboard as Linux's xen-kbdfront drives it (drivers/input/misc/xen-kbdfront.c, kbdif.h)."""

import struct
import threading
import time

from tests.xen.domain import Channel, Domain
from tests.xen.front import Front, wait_until
from tests.xen.nodes import CLOSED, CLOSING, CONNECTED, INIT_WAIT, INITIALISED

MOTION, KEY, POSITION, TOUCH = 1, 3, 4, 5
IN_OFFSET, IN_SLOTS, EVENT_BYTES = 1024, 51, 40


class _InPage(Channel):
    """Takes events as soon as they are told."""

    def __init__(self, front: "KeyboardFront") -> None:
        self._front = front
        super().__init__(front.domain)

    def _raise(self) -> None:
        self._front.consume(self)
        super()._raise()


class KeyboardFront(Front):
    """One vkbd device. ``events`` are what came: ("key", code, pressed), ("motion", x, y, z), ("position", x, y, z)."""

    def __init__(self, domain: Domain, device: int, backend_kind: str) -> None:
        super().__init__(domain, "vkbd", backend_kind, device)
        self.events: list[tuple[str, int, int] | tuple[str, int, int, int]] = []
        self.times: list[int] = []
        """When each event came (``time.monotonic_ns()``)."""
        self.absolute = False
        """The pointer is absolute: the backend's nodes offered it when the guest started."""
        self.size = (0, 0)
        self.reading = True
        """Set to False: the guest does not take events any more."""
        self._consuming = threading.Lock()
        self._page = self._probe()
        self.begin()

    def backend_changed(self, state: int) -> None:
        """xenkbd_backend_changed()."""
        if state == INIT_WAIT or (state == CONNECTED and self.state != CONNECTED):
            if self.state != CLOSED:
                self.switch(CONNECTED)
        elif state in (CLOSING, CLOSED) and self.state != CLOSED:
            self._page.close()
            self.switch(CLOSED)

    def _probe(self) -> "_InPage":
        """xenkbd_probe() and xenkbd_connect_backend(): at the start of the guest, whatever the backend's state is."""
        self.absolute = self.tree.get(f"{self.backend}/feature-abs-pointer", "0") == "1"
        if self.absolute:
            self.tree.write(f"{self.path}/request-abs-pointer", "1")
        self.size = (
            int(self.tree.get(f"{self.backend}/width", "800")),
            int(self.tree.get(f"{self.backend}/height", "600")),
        )
        page = _InPage(self)
        self.tree.write_all(
            [
                (f"{self.path}/page-ref", str(page.ref + 0x10000)),
                (f"{self.path}/page-gref", str(page.ref)),
                (f"{self.path}/event-channel", str(page.port)),
            ]
        )
        self.switch(INITIALISED)
        return page

    @property
    def page(self) -> Channel:
        """The shared page, for a guest that writes what it likes."""
        return self._page

    def consume(self, page: Channel) -> None:
        """input_handler(). Takes each event once: a test and the backend's thread call it."""
        with self._consuming:
            if not self.reading:
                return
            cons, prod = struct.unpack_from("<II", page.page, 0)
            came = []
            while cons != prod:
                at = IN_OFFSET + cons % IN_SLOTS * EVENT_BYTES
                came.append(_event(page.page[at : at + EVENT_BYTES]))
                cons = (cons + 1) & 0xFFFFFFFF
            struct.pack_into("<I", page.page, 0, cons)
            # Who waits for an event finds it taken.
            self.times += [time.monotonic_ns()] * len(came)
            self.events += came
        page.notify()

    def wait_events(self, count: int) -> None:
        wait_until(lambda: len(self.events) >= count, lambda: f"{count} events: {self.events}")


def _event(slot: bytes) -> tuple[str, int, int] | tuple[str, int, int, int]:
    kind = slot[0]
    if kind == KEY:
        return "key", int.from_bytes(slot[4:8], "little"), slot[1]
    if kind in (MOTION, POSITION):
        x, y, z = struct.unpack_from("<iii", slot, 4)
        return "motion" if kind == MOTION else "position", x, y, z
    return "unknown", kind, 0
