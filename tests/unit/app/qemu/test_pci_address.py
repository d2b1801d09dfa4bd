"""PCI addresses: their forms, and the one of sysfs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.qemu.command_line import parse_command_line
from app.qemu.pci_address import addresses_in, full_address, is_pci_address


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("41:00.4", "0000:41:00.4"),
        ("0000:AF:00.0", "0000:af:00.0"),
        ("10000:e1:00.0", "10000:e1:00.0"),
        # QEMU takes fewer digits.
        ("1:2.3", "0000:01:02.3"),
        ("0:41:0.4", "0000:41:00.4"),
        ("none", "none"),
    ],
)
def test_host_of_a_device_is_named_as_in_sysfs(text: str, full: str) -> None:
    (device,) = parse_command_line(["qemu", "-device", f"vfio-pci,host={text}"]).vfio_devices
    assert device.vfio_name == full_address(text) == full


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 255), st.integers(0, 31), st.integers(0, 7))
def test_address_of_sysfs_is_its_own_full_form(domain: int, bus: int, slot: int, function: int) -> None:
    address = f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"
    assert is_pci_address(address)
    assert full_address(address) == full_address(address.upper()) == address
    assert addresses_in(f"-device vfio-pci,host={address.upper()},x=1".encode()) == {address}


@given(st.text())
def test_other_texts_do_no_harm(text: str) -> None:
    assert full_address(text) == full_address(full_address(text))
    addresses_in(text.encode("utf-8", "surrogatepass"))
