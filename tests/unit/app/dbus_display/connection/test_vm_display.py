"""The connection to a VM's display: what the VM tells, calls, listeners, and every way in which it may end."""

import errno
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from jeepney import Message

from app.dbus_display.connection import back_off, control, display_loop, vm_display
from app.dbus_display.connection.endpoint import Endpoint
from app.dbus_display.connection.guard import Guard
from app.dbus_display.connection.listener import Later, Refusal
from app.dbus_display.connection.vm_display import CallResult, ControlState, VmDisplay
from app.dbus_display.wire import names
from app.errors import OpenFailed
from tests.qemu import fake_vm, peer
from tests.qemu.fake_vm import FakeVm
from tests.unit.app.dbus_display.connection.listeners import NotingListener, wait_until

CONSOLE = names.console_path(0)


class SilentVm(FakeVm):
    """Answers no call while it is silent."""

    silent = False

    def _answer(self, control: peer.Peer, call: Message) -> None:
        if not self.silent:
            super()._answer(control, call)


class NoGuard(Guard):
    """Starts no process."""

    def watch(self, connection: socket.socket) -> None:
        pass


@contextmanager
def displayed(vm: FakeVm, ended: Callable[[], bool] = lambda: False, can_retake: bool = True) -> Iterator[VmDisplay]:
    display = VmDisplay(Endpoint(vm.connect(), None, vm.connect if can_retake else None), ended, NoGuard())
    try:
        yield display
    finally:
        display.close()


@pytest.fixture
def vm() -> Iterator[SilentVm]:
    with SilentVm([fake_vm.console(), fake_vm.console(1, 800, 600)], name="guest") as found:
        yield found


def result_of(
    display: VmDisplay, member: str = "Press", signature: str = "u", body: tuple[Any, ...] = (1,)
) -> CallResult:
    """Call the keyboard, and wait for what ``done`` gets."""
    results: queue.Queue[CallResult] = queue.Queue()
    display.call(CONSOLE, names.KEYBOARD, member, signature, body, results.put)
    found = results.get(timeout=20)
    assert results.empty()
    return found


def test_facts_are_what_the_vm_tells(vm: FakeVm) -> None:
    with displayed(vm) as display:
        assert (display.facts.name, display.facts.uuid) == ("guest", None)
        assert [(each.number, each.width, each.graphic) for each in display.facts.consoles] == [
            (0, 640, True),
            (1, 800, True),
        ]
        assert display.properties(CONSOLE, names.MOUSE) == {"IsAbsolute": False}
        assert display.properties(CONSOLE, "org.example.Unknown") == {}


def test_hostile_facts_are_cleaned_or_missing() -> None:
    hostile = fake_vm.console()
    hostile[names.CONSOLE]["Label"] = ("s", "\x1b[2J" + "x" * 10_000)
    hostile[names.CONSOLE]["Width"] = ("s", "wide")
    with FakeVm([hostile], name="a\nb") as vm, displayed(vm) as display:
        (console,) = display.facts.consoles
        assert display.facts.name == "a?b"
        assert console.width == 0
        assert console.label.startswith("?[2J") and len(console.label) <= 128


def test_changed_properties_are_told(vm: FakeVm) -> None:
    with displayed(vm) as display:
        told = threading.Event()
        end = display.subscribe(told.set)
        vm.change(CONSOLE, names.MOUSE, "IsAbsolute", True)
        assert told.wait(20)
        assert display.properties(CONSOLE, names.MOUSE)["IsAbsolute"] is True
        end()
        end()
        told.clear()
        vm.change(CONSOLE, names.MOUSE, "IsAbsolute", False)
        wait_until(lambda: display.properties(CONSOLE, names.MOUSE)["IsAbsolute"] is False, "the second change")
        assert not told.is_set()


def test_reply_and_error_of_a_call(vm: FakeVm) -> None:
    vm.errors["Release"] = ("org.qemu.Display1.Error.Invalid", "no such\nkey")
    with displayed(vm) as display:
        good = result_of(display)
        assert good.error is None and good.sent_ns is not None and good.received_ns is not None
        assert good.sent_ns <= good.received_ns
        assert result_of(display, "Release").error == ("org.qemu.Display1.Error.Invalid", "no such key")
        assert (CONSOLE, names.KEYBOARD, "Press", (1,)) in vm.calls


def test_call_with_wrong_arguments_is_an_error_of_the_caller(vm: FakeVm) -> None:
    with displayed(vm) as display, pytest.raises((TypeError, ValueError)):
        display.call(CONSOLE, names.KEYBOARD, "Press", "s", (1,))


def test_call_without_a_reply_fails_after_the_time_limit(vm: SilentVm, monkeypatch: pytest.MonkeyPatch) -> None:
    with displayed(vm) as display:
        monkeypatch.setattr(control, "_TIME_LIMIT_NS", 50_000_000)
        vm.silent = True
        error = result_of(display).error
        assert error is not None and error[0] == "" and "did not answer" in error[1]


def test_calls_fail_once_when_the_connection_ends_and_after_it(vm: SilentVm) -> None:
    with displayed(vm) as display:
        vm.silent = True
        results: list[CallResult] = []
        display.call(CONSOLE, names.KEYBOARD, "Press", "u", (1,), results.append)
        vm.hang_up()
        wait_until(lambda: results, "the failure of the call")
        assert result_of(display).error is not None
        display.close()
        display.call(CONSOLE, names.KEYBOARD, "Press", "u", (1,), results.append)
        assert [each.error[0] for each in results if each.error] == ["", ""]


def test_listener_is_asked_for_its_interfaces_and_gets_its_calls(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        theirs = vm.listener()
        assert theirs.interfaces == listener.interfaces
        theirs.do("MouseSet", 1, 2, 1)
        theirs.do("UpdateMap", 0, 0, 8, 8)
        assert listener.members == ["MouseSet", "UpdateMap"]
        assert listener.threads == {"vm-display"}
        assert listener.registrations == 1
        with pytest.raises(ValueError, match="has a listener"):
            display.listen(0, NotingListener())
        display.unlisten(0)
        display.unlisten(0)
        with pytest.raises((EOFError, OSError)):
            theirs.receive()
        display.listen(0, listener)
        assert vm.listener().console == 0


def test_unknown_calls_on_a_listener_are_refused(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener(Refusal(names.FAILED, "no"))
        display.listen(0, listener)
        theirs = vm.listener()
        with pytest.raises(peer.PeerError, match="Failed"):
            theirs.do("Disable")
        for path, interface, body in (
            (names.LISTENER_PATH, "org.qemu.Display1.Listener.Win32.Map", ()),
            ("/org/qemu/Display1/Other", names.LISTENER, ()),
            (names.LISTENER_PATH, names.PROPERTIES, ("org.qemu.Unknown",)),
        ):
            member = "GetAll" if body else "ScanoutMap"
            with pytest.raises(peer.PeerError, match="UnknownMethod"):
                theirs.call(path, interface, member, "s" if body else "", body)
        assert listener.members == ["Disable"]


def test_later_answer_is_sent_when_it_is_due(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener(Later())
        display.listen(0, listener)
        theirs = vm.listener()
        serial = theirs.start("UpdateDMABUF", 0, 0, 8, 8)
        wait_until(lambda: listener.serials, "the call")
        listener.due = [serial, 12345]
        display.wake()
        assert theirs.reply_to(serial).body == ()


def test_listener_is_registered_again_when_its_socket_ends_and_slower_each_time(
    vm: FakeVm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_off, "_FIRST_NS", 20_000_000)
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        for count in range(1, 4):
            theirs = vm.listener()
            assert listener.registrations == count
            theirs.close()
        wait_until(lambda: len(listener.ends) == 3, "the third end")
        assert {ended for _, ended in listener.ends} == {False}
        assert display.state is ControlState.CONNECTED


def test_listener_is_registered_later_when_no_fd_is_left(vm: FakeVm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_off, "_FIRST_NS", 20_000_000)
    made = socket.socketpair
    failures = [OSError(errno.EMFILE, os.strerror(errno.EMFILE))]

    def socketpair() -> tuple[socket.socket, socket.socket]:
        if failures:
            raise failures.pop()
        return made()

    with displayed(vm) as display:
        listener = NotingListener()
        monkeypatch.setattr(socket, "socketpair", socketpair)
        display.listen(0, listener)
        theirs = vm.listener()
        theirs.do("MouseSet", 1, 2, 1)
        assert listener.ends == [("no socket can be made: EMFILE: Too many open files", False)]
        assert result_of(display).error is None


def test_listener_is_registered_again_once_on_request(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        first = vm.listener()
        assert display.register_again(0)
        second = vm.listener()
        assert not display.register_again(0)
        assert not display.register_again(1)
        with pytest.raises((EOFError, OSError)):
            first.receive()
        second.do("MouseSet", 1, 2, 1)
        assert listener.ends == []


def test_picture_goes_on_when_another_client_takes_the_controls_over(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        theirs = vm.listener()
        vm.hang_up()
        wait_until(lambda: display.state is ControlState.TAKEN_OVER, "the other client")
        theirs.do("MouseSet", 1, 2, 1)
        error = result_of(display).error
        assert error is not None and "took the controls over" in error[1]
        display.retake()
        wait_until(lambda: display.state is ControlState.CONNECTED, "the controls")
        assert result_of(display).error is None
        theirs.do("MouseSet", 1, 2, 1)
        assert listener.ends == []


def test_controls_can_be_retaken_after_a_try_without_an_answer(vm: SilentVm, monkeypatch: pytest.MonkeyPatch) -> None:
    with displayed(vm) as display:
        vm.hang_up()
        wait_until(lambda: display.state is ControlState.TAKEN_OVER, "the other client")
        monkeypatch.setattr(display_loop, "_READY_LIMIT_NS", 20_000_000)
        vm.silent = True
        display.retake()
        wait_until(lambda: len(vm._threads) == 2 and not vm._threads[1].is_alive(), "the end of the silent connection")
        vm.silent = False
        monkeypatch.undo()
        display.retake()
        wait_until(lambda: display.state is ControlState.CONNECTED, "the controls")
        assert result_of(display).error is None


def test_why_the_controls_are_not_taken_back_is_told(vm: FakeVm) -> None:
    def refuse() -> socket.socket:
        raise OpenFailed("the QMP socket does not answer", "try again")

    told: queue.Queue[str] = queue.Queue()
    display = VmDisplay(Endpoint(vm.connect(), None, refuse), lambda: False, NoGuard())
    with closing(display):
        vm.hang_up()
        wait_until(lambda: display.state is ControlState.TAKEN_OVER, "the other client")
        display.retake(told.put)
        assert told.get(timeout=20) == "the QMP socket does not answer; try again"
        assert display.state is ControlState.TAKEN_OVER


def test_end_of_the_vm_is_told_to_all(vm: FakeVm) -> None:
    with displayed(vm, lambda: True) as display:
        listener = NotingListener()
        display.listen(0, listener)
        vm.listener()
        vm.end()
        wait_until(lambda: display.state is ControlState.LOST, "the end")
        wait_until(lambda: listener.ends and listener.ends[-1][1], "the end of the listener")
        assert [ended for _, ended in listener.ends].count(True) == 1
        assert result_of(display).error == ("", "the VM has ended")
        display.retake()
        assert display.state is ControlState.LOST


def test_vm_that_ends_slowly_is_not_another_client(vm: FakeVm, monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU's sockets close some milliseconds before its process is gone."""
    monkeypatch.setattr(display_loop, "_END_LIMIT_NS", 600_000_000_000)
    gone = threading.Event()
    with displayed(vm, gone.is_set) as display:
        vm.hang_up()
        wait_until(lambda: display._loop._ended_ns is not None, "the end of its socket")
        gone.set()
        wait_until(lambda: display.state is not ControlState.CONNECTED, "the end")
        assert display.state is ControlState.LOST


def test_hostile_bytes_on_the_control_connection_end_it_only(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        theirs = vm.listener()
        assert vm._control is not None
        vm._control.socket.sendall(b"\xff" * 64)
        wait_until(lambda: display.state is ControlState.TAKEN_OVER, "the end of the connection")
        theirs.do("MouseSet", 1, 2, 1)


def test_hostile_bytes_on_a_listener_end_it_only(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        vm.listener().socket.sendall(b"\xff" * 64)
        wait_until(lambda: listener.ends, "the end of the listener")
        assert result_of(display).error is None


def test_vm_that_does_not_read_its_answers_is_not_read_either(vm: FakeVm) -> None:
    with displayed(vm) as display:
        listener = NotingListener()
        display.listen(0, listener)
        theirs = vm.listener()
        theirs.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while True:
                theirs.start("Disable")
        assert listener.ends == []
        assert result_of(display).error is None


def test_what_we_serve_is_called_by_the_vm(vm: FakeVm) -> None:
    with displayed(vm) as display:
        asked: list[tuple[str, tuple[Any, ...]]] = []

        def handle(member: str, body: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
            if member == "Unknown":
                raise LookupError(member)
            asked.append((member, body))
            return "s", ("reply",)

        display.serve(names.CLIPBOARD_PATH, names.CLIPBOARD, handle)
        # Arguments of another type than QEMU's.
        vm.send(peer.method_call(names.CLIPBOARD_PATH, names.PROPERTIES, "GetAll", "as", ([names.CLIPBOARD],)))
        for member in ("Request", "Unknown"):
            vm.send(peer.method_call(names.CLIPBOARD_PATH, names.CLIPBOARD, member, "u", (1,)))
        wait_until(lambda: asked, "the call")
        assert asked == [("Request", (1,))]
        assert result_of(display).error is None


def test_vm_that_does_not_answer_cannot_be_opened(vm: FakeVm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_display, "_READY_LIMIT_S", 0.1)
    ours, theirs = socket.socketpair()
    with theirs, pytest.raises(OpenFailed, match="did not answer"):
        VmDisplay(Endpoint(ours), lambda: False, NoGuard())


def test_what_is_no_vm_cannot_be_opened() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b"220 mail.example.org ESMTP\r\n")
    with theirs, pytest.raises(OpenFailed, match="does not speak D-Bus"):
        VmDisplay(Endpoint(ours), lambda: False, NoGuard())


def test_close_from_a_callback_ends_the_thread(vm: FakeVm) -> None:
    with displayed(vm) as display:
        display.call(CONSOLE, names.KEYBOARD, "Press", "u", (1,), lambda result: display.close())
        wait_until(lambda: not display._thread.is_alive(), "the end of the thread")
