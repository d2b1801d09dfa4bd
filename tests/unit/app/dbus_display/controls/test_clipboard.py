"""What is shared with a VM's clipboard, whatever the VM does. The VM is played."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jeepney import HeaderFields, Message

from app.dbus_display.connection.control import CallResult, Serve
from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.vm_display import ControlState, VmDisplay
from app.dbus_display.controls.clipboard import LARGEST_TEXT, TEXT, DbusClipboard
from tests.qemu import peer
from tests.qemu.fake_vm import FakeVm
from tests.unit.qmp_server import until

_FAILED = ("org.qemu.Display1.Error.Failed", "Clipboard peer already registered!")


class FakeDisplay(VmDisplay):
    """``calls`` are those that the VM got and has not answered: member, arguments, and what takes the answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], Callable[[CallResult], None]]] = []
        self.connected = ControlState.CONNECTED
        self.handle: Serve | None = None
        self.look: Callable[[], None] = lambda: None

    @property
    def state(self) -> ControlState:
        return self.connected

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.look = changed
        return lambda: None

    def serve(self, _path: str, _interface: str, handle: Serve) -> Callable[[], None]:
        if self.handle is not None:
            raise ValueError
        self.handle = handle
        return self._unserve

    def _unserve(self) -> None:
        self.handle = None

    def call(
        self,
        _path: str,
        _interface: str,
        member: str,
        _signature: str = "",
        body: tuple[Any, ...] = (),
        done: Callable[[CallResult], None] | None = None,
    ) -> None:
        self.calls.append(((member, *body), done or (lambda _: None)))

    def answer(self, *body: Any, error: tuple[str, str] | None = None) -> tuple[Any, ...]:
        """Answer the first call; what it was."""
        call, done = self.calls.pop(0)
        done(CallResult(body=body, error=error))
        return call

    def say(self, member: str, *body: Any) -> tuple[str, tuple[Any, ...]]:
        """The VM calls us; what we answer."""
        assert self.handle is not None
        return self.handle(member, body)


class Bench:
    def __init__(self) -> None:
        self.display = FakeDisplay()
        self.clipboard = DbusClipboard(self.display)
        self.told = 0
        self.fetched: list[tuple[str | None, str]] = []

    def changed(self) -> None:
        self.told += 1

    def share(self) -> None:
        self.clipboard.share(self.changed)
        assert self.display.answer() == ("Register",)

    def fetch(self, *reply: Any, error: tuple[str, str] | None = None) -> tuple[str | None, str]:
        """What comes of this answer to a Request."""
        self.display.say("Grab", 0, 7, [TEXT])
        self.clipboard.fetch(lambda text, why_not: self.fetched.append((text, why_not)))
        assert self.display.answer(*reply, error=error) == ("Request", 0, [TEXT])
        return self.fetched.pop()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def shared() -> Bench:
    bench = Bench()
    bench.share()
    return bench


def test_a_guest_that_copies_all_the_time_is_told_once_and_asked_only_on_request(bench: Bench) -> None:
    bench.share()
    bench.display.say("Grab", 1, 0, [TEXT])
    bench.display.say("Grab", 2, 0, [TEXT])
    assert bench.told == 0
    for serial in range(1000):
        bench.display.say("Grab", 0, serial, [TEXT])
    assert (bench.told, bench.display.calls) == (1, [])
    assert bench.fetch(TEXT, b"newest") == ("newest", "")
    assert bench.told == 1
    bench.display.say("Grab", 0, 2000, [TEXT])
    assert bench.told == 2


def test_a_vm_that_does_not_answer_gets_one_grab_and_then_the_newest(bench: Bench) -> None:
    bench.share()
    for number in range(100):
        bench.clipboard.offer(f"text {number}")
        bench.display.say("Register")
    assert bench.display.answer()[0] == "Grab"
    assert bench.display.answer()[0] == "Grab"
    assert bench.display.calls == []
    assert bench.display.say("Request", 0, [TEXT]) == ("say", (TEXT, b"text 99"))


def test_an_agent_that_starts_again_is_told_of_our_text_and_counts_from_0(bench: Bench) -> None:
    bench.share()
    bench.clipboard.offer("kept")
    assert bench.display.answer() == ("Grab", 0, 0, [TEXT])
    bench.clipboard.offer("kept too")
    assert bench.display.answer() == ("Grab", 0, 1, [TEXT])
    bench.display.say("Register")
    assert bench.display.answer() == ("Grab", 0, 0, [TEXT])


def test_what_is_offered_is_text_of_a_size_that_the_guest_can_get(bench: Bench) -> None:
    bench.share()
    bench.clipboard.offer("a\0b\ud800")
    assert bench.display.answer()[0] == "Grab"
    assert bench.display.say("Request", 0, [TEXT]) == ("say", (TEXT, b"ab?"))
    assert "1.0 MB at most" in bench.clipboard.offer("x" * (LARGEST_TEXT + 1))
    assert bench.display.answer() == ("Release", 0)
    assert bench.display.say("Request", 0, [TEXT]) == ("say", (TEXT, b""))


def test_the_end_takes_the_text_away(bench: Bench) -> None:
    bench.share()
    bench.clipboard.offer("text")
    bench.display.answer()
    handle = bench.display.handle
    assert handle is not None
    bench.clipboard.share(None)
    assert [each[0][0] for each in bench.display.calls] == ["Release", "Unregister"]
    assert bench.display.handle is None
    # QEMU may have asked before.
    assert handle("Request", (0, [TEXT])) == ("say", (TEXT, b""))
    handle("Grab", (0, 9, [TEXT]))
    assert bench.told == 0


def test_text_of_a_guest_is_cleaned(bench: Bench) -> None:
    bench.share()
    assert bench.fetch(TEXT, memoryview(b"l1\r\n\tl2\0\x1b[201~\x7f\xc2\x9b")) == ("l1\r\n\tl2[201~", "")
    assert bench.fetch(TEXT, b"x" * LARGEST_TEXT)[1] == ""
    assert bench.fetch(TEXT, b"x" * (LARGEST_TEXT + 1)) == (
        None,
        "the guest's text is too large: 1.0 MB, of 1.0 MB at most",
    )
    assert bench.fetch("image/png", b"x") == (None, "what the guest copied is no text")
    assert bench.fetch() == (None, "what the guest copied is no text")
    assert bench.fetch(error=("x", "too\x1b slow")) == (None, "the guest's text did not come: too slow")


@given(st.binary(max_size=64))
def test_no_text_of_a_guest_has_a_control(data: bytes) -> None:
    text, _ = shared().fetch(TEXT, data)
    assert text is not None
    assert not {each for each in text if (ord(each) < 32 and each not in "\t\n\r") or 127 <= ord(each) < 160}
    text.encode()


_MEMBERS = st.sampled_from(["Register", "Unregister", "Grab", "Release", "Request", "Other"])
_VALUES = st.recursive(
    st.none() | st.integers(-(1 << 63), 1 << 64) | st.text(max_size=4) | st.just(TEXT) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Register", "Unregister", "Grab", "Release", "Request", "Other"]),
            st.lists(_VALUES, max_size=4),
        )
        | st.tuples(st.sampled_from(["Grab"]), st.tuples(st.integers(0, 2), st.integers(0, 1 << 32), st.just([TEXT])))
        | st.tuples(st.sampled_from(["Request"]), st.tuples(st.integers(0, 2), st.just([TEXT]))),
        max_size=8,
    )
)
def test_no_call_of_a_vm_does_harm(calls: list[tuple[str, Any]]) -> None:
    bench = shared()
    bench.clipboard.offer("text")
    for member, body in calls:
        try:
            signature, reply = bench.display.say(member, *body)
        except LookupError:
            continue
        assert signature in ("", "say")
        if reply and reply[1]:
            assert (member, body[0], reply) == ("Request", 0, (TEXT, b"text"))
    for (member, *body), _ in bench.display.calls:
        assert member == "Grab"
        assert 0 <= body[1] < 1 << 32


def test_one_window_at_a_time_shares_with_a_vm(bench: Bench) -> None:
    bench.share()
    other = DbusClipboard(bench.display)
    told: list[str] = []
    other.share(lambda: told.append("told"))
    assert other.why_not == "another window shares it: a VM has one clipboard"
    assert told
    other.share(None)
    assert (other.why_not, bench.clipboard.why_not) == ("", "")
    bench.clipboard.offer("still")
    assert bench.display.answer()[0] == "Grab"


def test_a_registration_of_an_earlier_connection_is_replaced_and_that_of_another_client_is_not(bench: Bench) -> None:
    bench.clipboard.share(bench.changed)
    assert bench.display.answer(error=_FAILED) == ("Register",)
    assert bench.display.answer() == ("Unregister",)
    assert bench.display.answer(error=_FAILED) == ("Register",)
    assert bench.told == 1
    assert bench.clipboard.why_not == "another program shares it: Clipboard peer already registered!"


def test_nothing_is_shared_once_the_controls_are_lost(bench: Bench) -> None:
    bench.share()
    bench.clipboard.offer("text")
    bench.display.connected = ControlState.TAKEN_OVER
    bench.display.look()
    assert (bench.told, bench.clipboard.why_not) == (1, "another client took the controls over")
    assert bench.display.say("Request", 0, [TEXT]) == ("say", (TEXT, b""))
    # Not by itself either, when they are back.
    bench.display.connected = ControlState.CONNECTED
    bench.display.look()
    bench.clipboard.offer("other")
    assert bench.display.say("Request", 0, [TEXT]) == ("say", (TEXT, b""))
    bench.clipboard.share(None)
    bench.display.calls.clear()
    bench.share()
    assert bench.clipboard.why_not == ""


class GenerousVm(FakeVm):
    """Answers a Request with 20 MB."""

    def _reply(self, call: Message, path: str, interface: str, member: str) -> Message:
        if call.header.fields[HeaderFields.member] == "Request":
            return peer.method_return(call, "say", (TEXT, bytes(20_000_000)))
        return super()._reply(call, path, interface, member)


@pytest.fixture
def generous() -> Iterator[GenerousVm]:
    with GenerousVm() as vm:
        yield vm


def test_a_text_of_20_mb_is_refused_and_the_controls_stay(generous: GenerousVm) -> None:
    display = VmDisplay(Endpoint(generous.connect()), lambda: False)
    try:
        clipboard = DbusClipboard(display)
        clipboard.share(lambda: None)
        until(lambda: any(each[2] == "Register" for each in generous.calls))
        grab = ("/org/qemu/Display1/Clipboard", "org.qemu.Display1.Clipboard", "Grab", "uuas", (0, 0, [TEXT]))
        generous.send(peer.method_call(*grab))
        fetched: list[tuple[str | None, str]] = []

        def ask() -> object:
            clipboard.fetch(lambda text, why_not: fetched.append((text, why_not)))
            return any(why_not for _, why_not in fetched)

        until(ask)
        assert (None, "the guest's text is too large: 20.0 MB, of 1.0 MB at most") in fetched
        assert display.state is ControlState.CONNECTED
    finally:
        display.close()
