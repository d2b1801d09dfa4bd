"""The stand-in for QEMU's display leaves no connection open."""

import socket
import threading

import pytest

from tests.qemu.fake_vm import FakeVm


def test_end_of_the_vm_ends_a_connection_that_is_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    vm, make = FakeVm(), socket.socketpair
    ending = threading.Thread(target=vm.end)

    def make_while_it_ends() -> tuple[socket.socket, socket.socket]:
        ending.start()
        # The end waits for this connection. Without that it has come by now.
        ending.join(0.1)
        return make()

    monkeypatch.setattr(socket, "socketpair", make_while_it_ends)
    with vm.connect() as connection:
        connection.settimeout(5)
        assert connection.recv(1) == b""
        ending.join()


def test_no_connection_is_made_after_the_end() -> None:
    with FakeVm() as vm:
        pass
    with pytest.raises(ConnectionError, match="has ended"):
        vm.connect()
