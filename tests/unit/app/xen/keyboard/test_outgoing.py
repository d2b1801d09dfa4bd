"""Input that waits for a guest which reads when it likes: nothing stays pressed, the page never overflows."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from app.input.event import Absolute, Axis, Button, Event, Key, Press
from app.vm.monitor import Reply
from app.xen.keyboard.keyboard_events import GuestPointer
from app.xen.keyboard.keyboard_page import KeyboardPage
from app.xen.keyboard.outgoing import LATE, LATE_NS, Outgoing

_TABLET = GuestPointer((1024, 768))
_S = 1_000_000_000


@dataclass
class Guest:
    """Reads the page, and holds down what it was told to."""

    now_ns: int = _S
    start: int = 0
    page: bytearray = field(default_factory=lambda: bytearray(4096))
    down: set[int] = field(default_factory=set)
    read_events: int = 0

    def __post_init__(self) -> None:
        struct.pack_into("<II", self.page, 0, self.start, self.start)
        self.view = KeyboardPage(memoryview(self.page))
        self.outgoing = Outgoing(lambda: self.now_ns)

    @property
    def unread(self) -> int:
        in_cons, in_prod = struct.unpack_from("<II", self.page, 0)
        return int(in_prod - in_cons & 0xFFFFFFFF)

    def fill(self) -> bool:
        told = self.outgoing.fill(self.view, _TABLET)
        assert self.unread <= 51
        return told

    def read(self, count: int) -> None:
        (in_cons,) = struct.unpack_from("<I", self.page, 0)
        for _ in range(min(count, self.unread)):
            kind, pressed, code = struct.unpack_from("<BBxxI", self.page, 1024 + in_cons % 51 * 40)
            if kind == 3:
                (self.down.add if pressed else self.down.discard)(code)
            in_cons = in_cons + 1 & 0xFFFFFFFF
            struct.pack_into("<I", self.page, 0, in_cons)
            self.read_events += 1
        self.fill()

    def read_all(self) -> None:
        for _ in range(3000):
            self.now_ns += _S // 10
            self.fill()
            self.read(51)
            if self.outgoing.idle.is_set() and not self.unread:
                return
        raise AssertionError("the guest reads, and some input still waits")


_EVENTS = st.lists(
    st.one_of(
        st.builds(Key, st.sampled_from(["a", "shift", "f1"]), st.booleans()),
        st.builds(Press, st.sampled_from([Button.LEFT, Button.WHEEL_UP]), st.booleans()),
        st.builds(Absolute, st.sampled_from(Axis), st.integers(0, 0x7FFF)),
    ),
    max_size=80,
)


@settings(max_examples=60)
@given(
    st.integers(0, 60),
    st.lists(st.tuples(_EVENTS, st.integers(0, 60), st.sampled_from([0, _S // 100, 2 * _S])), max_size=30),
)
def test_nothing_stays_pressed_whenever_the_guest_reads(
    start: int, steps: Sequence[tuple[list[Event], int, int]]
) -> None:
    guest = Guest(start=start)
    for events, reads, passed_ns in steps:
        guest.outgoing.push(events)
        guest.fill()
        guest.read(reads)
        guest.now_ns += passed_ns
    guest.outgoing.finish()
    guest.read_all()
    assert guest.down == set()


def test_a_guest_that_reads_again_after_a_pause_gets_the_release_and_no_old_input() -> None:
    guest = Guest()
    guest.outgoing.push([Press(Button.LEFT, True)])
    guest.fill()
    for _ in range(200):
        guest.outgoing.push([Press(Button.RIGHT, True), Press(Button.RIGHT, False)])
    guest.fill()
    guest.now_ns += LATE_NS
    guest.fill()
    assert guest.outgoing.lost == LATE
    guest.read(51)
    assert not guest.outgoing.lost
    guest.read(51)
    assert guest.down == set()
    assert guest.read_events < 60


def test_keys_are_not_sent_faster_than_a_guest_reads_them() -> None:
    guest = Guest()
    for _ in range(20):
        guest.outgoing.push([Key("a", True), Key("a", False)])
    guest.fill()
    assert 0 < guest.unread <= 8
    due_ns = guest.outgoing.due_ns()
    assert due_ns is not None
    assert guest.now_ns < due_ns < guest.now_ns + _S // 10


def test_a_tap_that_is_never_read_is_answered() -> None:
    guest = Guest()
    replies: list[Reply] = []
    guest.outgoing.tap("a", replies.append)
    guest.fill()
    assert not replies
    guest.now_ns += LATE_NS
    guest.fill()
    assert [each.error for each in replies] == [LATE]
    guest.read(2)
    assert guest.down == set()
