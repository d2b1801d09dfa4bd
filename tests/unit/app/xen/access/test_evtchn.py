"""Event channels: the calls to the kernel, and pending ports over a socket in place of the device."""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.xen.abi import evtchn as abi
from app.xen.access.evtchn import Evtchn


class _Kernel:
    def __init__(self) -> None:
        self.socket, client = socket.socketpair()
        self.client = client.detach()
        self.calls: list[tuple[int, bytes]] = []
        self.error: int | None = None

    def __call__(self, _fd: int, request: int, argument: bytearray, /) -> int:
        self.calls.append((request, bytes(argument)))
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return 41


@contextmanager
def _evtchn() -> Iterator[tuple[_Kernel, Evtchn]]:
    kernel = _Kernel()
    evtchn = Evtchn(kernel.client, ioctl=kernel)
    try:
        yield kernel, evtchn
    finally:
        evtchn.close()
        kernel.socket.close()


def test_a_port_of_another_domain_is_bound_notified_and_unbound() -> None:
    with _evtchn() as (kernel, evtchn):
        assert evtchn.bind(7, 19) == 41
        evtchn.notify(41)
        evtchn.unbind(41)
        assert kernel.calls == [
            (abi.IOCTL_EVTCHN_BIND_INTERDOMAIN, struct.pack("=2I", 7, 19)),
            (abi.IOCTL_EVTCHN_NOTIFY, struct.pack("=I", 41)),
            (abi.IOCTL_EVTCHN_UNBIND, struct.pack("=I", 41)),
        ]


def test_pending_ports_are_given_once_and_unmasked() -> None:
    with _evtchn() as (kernel, evtchn):
        assert evtchn.pending() == ()
        kernel.socket.sendall(struct.pack("=3I", 41, 42, 41))
        assert evtchn.pending() == (41, 42, 41)
        assert kernel.socket.recv(100) == struct.pack("=3I", 41, 42, 41)
        assert evtchn.pending() == ()


def test_kernel_errors_and_a_closed_one_are_oserrors() -> None:
    with _evtchn() as (kernel, evtchn):
        kernel.error = errno.EINVAL
        with pytest.raises(OSError) as refused:
            evtchn.bind(7, 0xFFFFFFFF)
        assert refused.value.errno == errno.EINVAL
        evtchn.close()
        evtchn.close()
        for call in (lambda: evtchn.notify(1), evtchn.pending, evtchn.fileno):
            with pytest.raises(OSError) as closed:
                call()
            assert closed.value.errno == errno.EBADF
