"""A guest that writes random requests, ring slots, directory pages and event pages, through the real backend.

The backend's thread lives on, every request gets an answer, nothing stays mapped, and the memory does not grow.
"""

import os
import random
import struct
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from app.formats.fourcc import known_formats
from app.planes.frame import Frame
from app.planes.status import State
from app.xen.display.display_source import VdisplSource
from tests.conftest import open_files
from tests.xen.display_front import REFS_PER_DIRECTORY, XR24, create_body
from tests.xen.domain import SharedMemory
from tests.xen.guest import FakeGuest
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import CONNECTED, DisplayConfig
from tests.xen.pages import PAGE
from tests.xen.request_front import SLOTS, RequestFront
from tests.xen.serving import pixels, served

SLOTS_OF_A_GUEST = 20_000
"""So many slots a guest writes; then another one starts."""

_MOST_GROWTH = 48 << 20
_EDGES = (0, 1, 2, 3, 31, 32, 63, 64, 65, 4095, 4096, 4097, 16384, 16385, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
_OPERATIONS = tuple(range(0x10, 0x17))
_COOKIES = (*range(1, 9), 0, 2**64 - 1)
_FORMATS = (XR24, *(each.fourcc for each in known_formats()))
_ANSWER_S = 10.0
_CONNECTORS = 2


class Fuzzed:
    """A guest with memory to grant, and directories that change all the time."""

    def __init__(self, rng: random.Random, xen: FakeXen, counts: Counter[str]) -> None:
        self._rng = rng
        self._counts = counts
        screens = tuple((f"id{number}", 64, 48) for number in range(_CONNECTORS))
        self.be_alloc = rng.random() < 0.3
        self.guest: FakeGuest = xen.create(displays=[DisplayConfig(screens, self.be_alloc)])
        self._data = self.guest.domain.share(64 * PAGE)
        self._directories = [self.guest.domain.share(PAGE * rng.choice((1, 1, 2, 3))) for _ in range(6)]
        for each in self._directories:
            self._change(each)

    def _number(self) -> int:
        return self._rng.choice(_EDGES) if self._rng.random() < 0.7 else self._rng.getrandbits(32)

    def _ref(self) -> int:
        if self._rng.random() < 0.8:
            return self._rng.choice(self._data.refs)
        return self._rng.choice((0, 1, 7, 8, 9, self._directories[0].refs[0], self._number()))

    def _change(self, directory: SharedMemory) -> None:
        """Write a directory: a plausible one, one with wrong links, or any bytes."""
        rng = self._rng
        self._counts["directory pages"] += len(directory.refs)
        what = rng.random()
        if what < 0.1:
            directory.data[:] = rng.randbytes(len(directory.data))
            return
        for at, _ in enumerate(directory.refs):
            following = directory.refs[at + 1] if at + 1 < len(directory.refs) else 0
            if rng.random() < 0.1:
                following = rng.choice((0, *directory.refs, self._number()))
            start = rng.randrange(len(self._data.refs))
            refs = (self._data.refs[start:] + self._data.refs)[: rng.choice((3, 16, 64))]
            if what < 0.3:
                refs = tuple(self._ref() for _ in refs)
            refs = refs[:REFS_PER_DIRECTORY]
            struct.pack_into(f"<{1 + len(refs)}I", directory.data, at * PAGE, following, *refs)

    def _slot(self) -> bytes:
        """A request: a plausible one, one with a wrong value, or any bytes."""
        rng = self._rng
        if rng.random() < 0.05:
            return rng.randbytes(64)
        operation = rng.choice(_OPERATIONS)
        return struct.pack("<HB5x", rng.getrandbits(16), operation) + self._body(operation)

    def _body(self, operation: int) -> bytes:
        rng = self._rng
        cookie, other = rng.choice(_COOKIES), rng.choice(_COOKIES)
        width, height = rng.randint(1, 64), rng.randint(1, 48)
        wrong = rng.random() < 0.2
        if operation == 0x10:
            shape = [width, height, rng.choice((16, 32, 32))]
            size = width * height * shape[2] // 8
            directory, flags = rng.choice(self._directories).refs[0], int(self.be_alloc)
            if rng.random() < 0.1:
                shape = [0, 0, 0]
            if wrong:
                shape[rng.randrange(3)] = self._number()
                size = rng.choice((size, self._number(), rng.randrange(1 << 18)))
                directory, flags = rng.choice((directory, self._ref())), rng.choice((flags, self._number()))
            return create_body(cookie, (shape[0], shape[1], shape[2]), size, flags, directory)
        if operation == 0x12:
            if wrong:
                width, height = self._number(), rng.choice((height, self._number()))
            return struct.pack("<QQIII", cookie, other, width, height, rng.choice(_FORMATS))
        if operation == 0x14:
            values = [0, 0, self._number() if wrong else width, height, 32] if rng.random() < 0.8 else [0] * 5
            return struct.pack("<QIIIII", cookie if any(values) else 0, *values)
        if operation == 0x16:
            return struct.pack("<II", rng.choice((128, 256, self._number())), rng.choice(self._directories).refs[0])
        return struct.pack("<Q", cookie)

    def connected(self) -> bool:
        return self.guest.display.state == CONNECTED

    def send(self, source: VdisplSource) -> None:
        """One batch of slots, answered; sometimes what no driver does."""
        rng, display = self._rng, self.guest.display
        connector = rng.choice(display.connectors)
        for _ in range(rng.randint(1, SLOTS)):
            self._counts["slots"] += 1
            connector.requests.put_raw(self._slot(), notify=False)
        connector.requests.channel.notify()
        self._change(rng.choice(self._directories))
        odd = rng.random()
        if odd < 0.01:
            page = connector.events.channel.page
            page[:] = rng.randbytes(len(page))
        elif odd < 0.015:
            page = connector.requests.channel.page
            page[4:64] = rng.randbytes(60)
        elif odd < 0.016:
            connector.requests.set_producer(self._number())
            connector.requests.channel.notify()
            self._counts["producers"] += 1
            return
        else:
            connector.events.consume()
        self._settle(connector.requests)

    def _settle(self, requests: RequestFront) -> None:
        """Until all is answered, or the backend has had enough of this guest."""
        end = time.monotonic() + _ANSWER_S
        while self.connected() and self.guest.display.backend_state == CONNECTED:
            try:
                requests.settle(0.1)
            except TimeoutError as error:
                if time.monotonic() > end:
                    raise AssertionError(str(error)) from None
            except ConnectionError:
                return
            else:
                return


def _look(rng: random.Random, source: VdisplSource, counts: Counter[str]) -> None:
    """What a viewer does."""
    frame: Frame = source.latest()
    counts[frame.status.reason.key] += 1
    if frame.primary is not None and frame.status.state is State.SHOWING:
        # The frame's buffer may be released meanwhile.
        with suppress(ValueError):
            pixels(frame)
    if rng.random() < 0.8:
        source.shown(frame, time.monotonic_ns())


def _one_guest(rng: random.Random, xen: FakeXen, counts: Counter[str], deadline: float, slots: int) -> None:
    fuzzed = Fuzzed(rng, xen, counts)
    with served(xen, fuzzed.guest) as source:
        end = counts["slots"] + slots
        fuzzed.guest.display.wait_connected()
        counts["connections"] += 1
        while counts["slots"] < end and time.monotonic() < deadline:
            fuzzed.send(source)
            _look(rng, source, counts)
            if not fuzzed.connected():
                return
    xen.destroy(fuzzed.guest, keep_backend=False)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(seed: int, deadline: float, limit: int | None = None) -> list[str]:
    """Random guests until the deadline, or for ``limit`` slots. Returns the faults."""
    rng, counts = random.Random(seed), Counter[str]()
    faults: list[str] = []
    first_files, first_memory, memory = None, 0, 0
    while time.monotonic() < deadline and (limit is None or counts["slots"] < limit) and not faults:
        try:
            with fake_xen(wire=rng.random() < 0.2) as xen:
                left = SLOTS_OF_A_GUEST if limit is None else min(SLOTS_OF_A_GUEST, limit - counts["slots"])
                _one_guest(rng, xen, counts, deadline, left)
        except AssertionError as error:
            faults.append(f"after {counts['slots']} slots: {error}")
            break
        files, memory = open_files(), _resident()
        # The first guest fills caches.
        if first_files is None:
            first_files, first_memory = files, memory
        if files - first_files:
            faults.append(f"left open: {dict(files - first_files)}")
        if memory - first_memory > _MOST_GROWTH:
            faults.append(f"the memory grew by {(memory - first_memory) >> 20} MiB")
    print(f"xen: {counts['slots']} slots, {(memory - first_memory) >> 10} KiB more memory, {dict(counts)}")
    return faults
