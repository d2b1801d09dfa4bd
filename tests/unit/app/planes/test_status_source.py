"""A source of words alone."""

import select

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
