"""Numbers of xen/evtchn.h, as the kernel headers compile them on x86-64."""

from app.xen.abi import evtchn


def test_request_numbers_are_the_kernels() -> None:
    assert evtchn.IOCTL_EVTCHN_BIND_INTERDOMAIN == 0x084501
    assert evtchn.IOCTL_EVTCHN_BIND_UNBOUND_PORT == 0x044502
    assert evtchn.IOCTL_EVTCHN_UNBIND == 0x044503
    assert evtchn.IOCTL_EVTCHN_NOTIFY == 0x044504
