"""A guest that writes random nodes, states and pages of its keyboard, through the real backend and the look-up.

No text of a guest ends a device in an exception of this program, and nothing stays mapped.
"""

import logging
import random
import struct
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress

from app.input.event import Key
from app.xen.display.lookup import find_guest
from tests.conftest import open_files
from tests.xen.guest import FakeGuest
from tests.xen.keyboard_front import KeyboardFront
from tests.xen.machine import FakeXen, fake_xen
from tests.xen.nodes import CONNECTED, INITIALISING, DisplayConfig
from tests.xen.pages import PAGE
from tests.xen.serving import served
from tests.xen.typing import keyboard_of

NODES_OF_A_GUEST = 400
"""So many nodes a guest writes; then another one starts."""

_TEXTS = (
    "",
    "0",
    "1",
    "4",
    "-1",
    "x",
    "64x48",
    "0x0",
    "16384x16384",
    "٣",
    "\0",
    "../..",
    "/local/domain/0/name",
    "\x1b[0m",
)
_STATES = ("0", "1", "2", "3", "4", "5", "6", "7", "99", "x", "")
_NAMES = ("state", "be-alloc", "versions", "backend-id", "backend", "multi-touch-width", "7", "65535/resolution")
_PARTS = ("req-ring-ref", "req-event-channel", "evt-ring-ref", "evt-event-channel", "resolution", "unique-id")
_KEYBOARD = ("state", "page-gref", "event-channel", "request-abs-pointer", "request-multi-touch-pointer", "backend")


class _Faults(logging.Handler):
    """What the program logs of exceptions that no guest may cause."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "Error: " in text:
            self.lines.append(text)


def _text(rng: random.Random) -> str:
    choice = rng.random()
    if choice < 0.6:
        return rng.choice(_TEXTS)
    if choice < 0.8:
        return str(rng.choice((0, 8, 9, 10, 2**31, 2**32 - 1, 2**32, 2**64)))
    return "".join(
        chr(rng.choice((rng.randrange(128), rng.randrange(0xD7FF)))) for _ in range(rng.choice((3, 20, 2000)))
    )


def _write(rng: random.Random, xen: FakeXen, guest: FakeGuest) -> None:
    if rng.random() < 0.5 and guest.keyboard is not None:
        path, name = guest.keyboard.path, rng.choice(_KEYBOARD)
    else:
        path = guest.display.path
        name = rng.choice((*_NAMES, *(f"{number}/{part}" for number in range(2) for part in _PARTS)))
    text = rng.choice(_STATES) if name == "state" else _text(rng)
    if rng.random() < 0.1:
        with suppress(OSError):
            xen.tree.remove(f"{path}/{name}")
    else:
        xen.tree.write(f"{path}/{name}", text)


def _scribble(rng: random.Random, keyboard: KeyboardFront) -> None:
    """Any bytes in the page of the keyboard, or plausible indices."""
    with suppress(OSError, ValueError):
        page = keyboard.page.page
        if rng.random() < 0.3:
            page[:] = rng.randbytes(PAGE)
        else:
            struct.pack_into("<II", page, 0, rng.choice((0, 1, 51, 52, 2**32 - 1)), rng.choice((0, 1, 51, 2**32 - 1)))
        keyboard.page.notify()


def _one_guest(rng: random.Random, xen: FakeXen, counts: Counter[str], nodes: int) -> None:
    guest = xen.create(displays=[DisplayConfig((("a", 64, 48), ("b", 64, 48)))], keyboard=True)
    keyboard = guest.keyboard
    assert keyboard is not None
    keyboard.reading = rng.random() < 0.5
    with ExitStack() as stack:
        source = stack.enter_context(served(xen, guest))
        monitor = stack.enter_context(keyboard_of(xen, guest))
        store = stack.enter_context(closing(xen.open_store()))
        for _ in range(nodes):
            counts["nodes"] += 1
            _write(rng, xen, guest)
            if rng.random() < 0.1:
                counts["pages"] += 1
                _scribble(rng, keyboard)
            monitor.send([Key("a", True), Key("a", False)])
            counts[source.latest().status.reason.key] += 1
            if rng.random() < 0.05:
                found = find_guest(store, guest.domid)
                assert found is None or all(len(each.connectors) <= 16 for each in found.displays)
            if rng.random() < 0.05:
                # A connection that can be, but for one node.
                with suppress(OSError, ValueError):
                    guest.display.switch(INITIALISING)
                time.sleep(0.005)
                counts["connections"] += guest.display.backend_state == CONNECTED
    xen.destroy(guest, keep_backend=False)


def run(seed: int, deadline: float, limit: int | None = None) -> list[str]:
    """Random guests until the deadline, or for ``limit`` nodes. Returns the faults."""
    rng, counts = random.Random(seed), Counter[str]()
    logged, faults = _Faults(), list[str]()
    before = open_files()
    log = logging.getLogger("app.xen")
    log.addHandler(logged)
    propagated, log.propagate = log.propagate, False
    try:
        while time.monotonic() < deadline and (limit is None or counts["nodes"] < limit) and not faults:
            left = NODES_OF_A_GUEST if limit is None else min(NODES_OF_A_GUEST, limit - counts["nodes"])
            try:
                with fake_xen(wire=rng.random() < 0.2) as xen:
                    _one_guest(rng, xen, counts, left)
            except AssertionError as error:
                faults.append(f"after {counts['nodes']} nodes: {error}")
            faults += logged.lines
    finally:
        log.propagate = propagated
        log.removeHandler(logged)
    if left_open := open_files() - before:
        faults.append(f"left open: {dict(left_open)}")
    print(f"xen nodes: {counts['nodes']} nodes, {dict(counts)}")
    return faults
