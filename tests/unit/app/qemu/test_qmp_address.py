"""Addresses of QMP sockets, as users and QEMU write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import UsageError
from app.qemu.qmp_address import QmpAddress, TcpAddress, UnixAddress, parse_address, socket_name


@pytest.mark.parametrize(
    "text, address",
    [
        ("/run/vm.qmp", UnixAddress("/run/vm.qmp")),
        ("vm.qmp", UnixAddress("vm.qmp")),
        ("./a:1", UnixAddress("./a:1")),
        ("unix:a:1", UnixAddress("a:1")),
        ("unix:/a,,b,server=on,wait=off", UnixAddress("/a,b")),
        ("localhost:4444", TcpAddress("localhost", 4444)),
        ("tcp:[::1]:4444", TcpAddress("::1", 4444)),
        ("tcp::4444,server=on", TcpAddress("", 4444)),
        ("[fe80::1%eth0]:1", TcpAddress("fe80::1%eth0", 1)),
    ],
)
def test_a_user_names_a_qmp_socket_in_one_of_four_ways(text: str, address: QmpAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "unix:", "tcp:", "tcp:localhost", "tcp:localhost:0", "tcp:a b:1", "a\0b", "unix:,server"]
)
def test_what_is_no_qmp_socket_is_bad_usage(text: str) -> None:
    with pytest.raises(UsageError, match="QMP socket"):
        parse_address(text)


@given(st.text())
def test_any_text_is_a_qmp_socket_or_bad_usage(text: str) -> None:
    try:
        address = parse_address(text)
    except UsageError:
        return
    assert str(address)


def test_an_abstract_name_is_padded_as_qemu_does() -> None:
    assert socket_name(UnixAddress("x", abstract=True)) == b"\0x"
    assert len(socket_name(UnixAddress("x", abstract=True, tight=False))) == 108
