"""A touch screen on a VM's command line."""

import pytest

from app.qemu.command_line import parse_command_line
from app.qemu.touch_screen import has_touch_screen


@pytest.mark.parametrize(
    ("device", "has"),
    [
        ("virtio-multitouch-pci", True),
        ("virtio-multitouch-pci,id=touch,display=gpu0", True),
        ('{"driver": "virtio-multitouch-pci"}', True),
        ("virtio-tablet-pci", False),
        ("usb-tablet,id=virtio-multitouch-pci", False),
    ],
)
def test_only_a_multitouch_device_is_a_touch_screen(device: str, has: bool) -> None:
    assert has_touch_screen(parse_command_line(["qemu-system-x86_64", "-device", device])) is has
