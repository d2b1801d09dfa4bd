"""Waiting for what writes into a dma-buf, and its name."""

import errno
import fcntl
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.planes.dmabuf import exporter_in, name_in, sync_for_read
from app.text.clean import LONGEST_NAME


class Sync:
    """fcntl.ioctl that fails with these errnos first."""

    def __init__(self, *errnos: int) -> None:
        self.errnos = list(errnos)
        self.flags: list[int] = []

    def __call__(self, _fd: int, _request: int, argument: bytes) -> int:
        self.flags.append(int.from_bytes(argument, "little"))
        if self.errnos:
            code = self.errnos.pop(0)
            raise OSError(code, os.strerror(code))
        return 0


def test_a_sync_that_a_signal_interrupts_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Sync(errno.EINTR, errno.EAGAIN)
    monkeypatch.setattr(fcntl, "ioctl", sync)
    with sync_for_read(0):
        pass
    assert sync.flags == [1, 1, 1, 5]


def test_a_sync_that_never_succeeds_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = Sync(*[errno.EAGAIN] * 1000)
    monkeypatch.setattr(fcntl, "ioctl", sync)
    with pytest.raises(BlockingIOError), sync_for_read(0):
        pass
    assert len(sync.flags) < 100


HEAD = b"pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t77\nsize:\t4096\ncount:\t1\nexp_name:\ti915\n"


def test_the_name_is_what_follows_the_exporter() -> None:
    assert name_in(HEAD) is None
    assert name_in(HEAD + b"name:\tguest screen\n") == "guest screen"
    assert name_in(b"") is None


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name))
def test_no_name_forges_another_entry(name: bytes) -> None:
    """The owner may call it anything: DMA_BUF_SET_NAME takes every byte but 0."""
    fdinfo = HEAD + b"name:\t" + name + b"\n"
    assert exporter_in(fdinfo) == "i915"
    shown = name_in(fdinfo)
    assert (shown is None) == (name == b"")
    assert shown is None or (shown.isprintable() and len(shown) <= LONGEST_NAME)


@pytest.mark.parametrize("name", [b"a\nexp_name:\tevil\nname:\tb", b"\nname:\tb", b"\x1b[2J\x9b"])
def test_a_name_with_newlines_is_one_line_and_whole(name: bytes) -> None:
    expected = "".join(each if each.isprintable() else "?" for each in name.decode("utf-8", "replace"))
    assert name_in(HEAD + b"name:\t" + name + b"\n") == expected
