"""A source of words alone."""

import errno
import os
import select

import pytest

from app.planes.status import Reason, Status
from app.planes.status_source import StatusSource


def _readable(source: StatusSource) -> bool:
    return bool(select.select([source], [], [], 0)[0])


def test_it_is_readable_once_for_each_status_that_is_another() -> None:
    source = StatusSource(Status(Reason.NOT_STARTED))
    first = source.latest()
    assert not _readable(source)
    source.set(Status(Reason.NOT_STARTED))
    assert not _readable(source) and source.latest() is first
    source.set(Status(Reason.VM_NOT_RUNNING, "no VM a"))
    assert _readable(source)
    frame = source.latest()
    assert frame.status == Status(Reason.VM_NOT_RUNNING, "no VM a")
    assert frame.serial > first.serial
    assert not _readable(source) and source.latest() is frame
    source.close()


def test_closed_it_keeps_its_last_frame() -> None:
    source = StatusSource(Status(Reason.NOT_STARTED))
    source.close()
    source.close()
    source.set(Status(Reason.VM_ENDED))
    assert source.latest().status.reason is Reason.NOT_STARTED
    assert source.fileno() == -1


def test_without_a_fd_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a VM is shown also by a program that can open nothing more: its device is closed afterwards."""

    def failing(*_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "eventfd", failing)
    source = StatusSource(Status(Reason.VM_ENDED))
    assert source.fileno() == -1
    source.set(Status(Reason.VM_NOT_RUNNING))
    assert source.latest().status.reason is Reason.VM_NOT_RUNNING
    source.close()
    source.set(Status(Reason.VM_ENDED))
    assert source.latest().status.reason is Reason.VM_NOT_RUNNING
