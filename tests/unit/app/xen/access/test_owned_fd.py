"""A file descriptor that several threads use and one closes."""

import errno
import os
import threading

import pytest

from app.xen.access.owned_fd import OwnedFd


def _new() -> OwnedFd:
    return OwnedFd(os.memfd_create("owned"))


def test_close_waits_for_the_thread_that_uses_the_fd() -> None:
    owned = _new()
    seen: list[bool] = []
    inside, leave = threading.Event(), threading.Event()

    def use() -> None:
        with owned.use() as fd:
            inside.set()
            leave.wait(5)
            os.fstat(fd)
            seen.append(True)

    thread = threading.Thread(target=use)
    thread.start()
    inside.wait(5)
    closer = threading.Thread(target=owned.close)
    closer.start()
    assert closer.is_alive()
    leave.set()
    thread.join()
    closer.join()
    assert seen == [True]


def test_a_thread_that_is_long_in_a_call_keeps_no_other_waiting() -> None:
    owned = _new()
    with owned.use() as first:
        others: list[int] = []
        thread = threading.Thread(target=lambda: others.append(owned.duplicate()))
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
        assert os.path.samestat(os.fstat(others[0]), os.fstat(first))
        os.close(others[0])
    owned.close()


def test_a_closed_one_is_ebadf_and_closes_no_other_file() -> None:
    owned = _new()
    with owned.use() as number:
        pass
    owned.close()
    other = os.memfd_create("other")
    try:
        assert other == number
        owned.close()
        os.fstat(other)
        with pytest.raises(OSError) as refused, owned.use():
            pass
        assert refused.value.errno == errno.EBADF
    finally:
        os.close(other)
