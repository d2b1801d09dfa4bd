"""A session whose source pushes frames, as one of a device: what records devices records it, too."""

from collections.abc import Callable
from dataclasses import replace

from app.device.seam import Device
from app.open.recorded_facts import screen_document, with_screen
from app.open.session import Session
from app.replay.source_device import SourceDevice
from app.vfio.buffer_cache import FetchRule
from app.vfio.device_document import describe_device
from app.vfio.opened_device import OpenedDevice


def as_device(session: Session, wrap_device: Callable[[OpenedDevice], Device]) -> Session:
    """The same screen through the device seam. It owns the source of ``session``, which is used no more.

    ``wrap_device`` is that of :class:`app.open.opening.OpenOptions`.
    """
    screen = screen_document(session.describe())
    device = SourceDevice(session.source)
    opened = OpenedDevice(session.target, session.label, device, None, FetchRule.FREELY, session.ended, vm=session.vm)
    try:
        opened = replace(opened, device=wrap_device(opened))
    except BaseException:
        device.close()
        raise
    poller = opened.poller()
    return replace(
        session,
        source=poller,
        describe=lambda: with_screen(describe_device(opened.device, poller.offer, None), screen),
        buffers=poller.buffers,
        device_facts=poller.facts,
        display_facts=lambda: None,
    )
