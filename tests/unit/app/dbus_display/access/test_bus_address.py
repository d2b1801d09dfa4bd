"""Addresses of buses: from a VM's option, or from a user."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dbus_display.access.bus_address import unix_addresses
from app.errors import UsageError
from app.qemu.qmp_address import UnixAddress


def test_unix_sockets_are_taken_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    text = "tcp:host=a,port=1;unix:path=/run/bus%20one,guid=5f;unix:abstract=/tmp/two;unix:runtime=yes;"
    assert unix_addresses(text) == (
        UnixAddress("/run/bus one"),
        UnixAddress("/tmp/two", abstract=True),
        UnixAddress("/run/user/7/bus"),
    )


@pytest.mark.parametrize("text", ["", ";", "unix", "unix:", "unix:path", "unix:path=", "tcp:host=a,port=1", "x:y=z"])
def test_without_a_unix_socket_it_is_bad_usage(text: str) -> None:
    with pytest.raises(UsageError, match="unix:path="):
        unix_addresses(text)


@given(st.text() | st.from_regex(r"(unix|tcp):[a-z]{0,5}=[^;]*(;unix:path=[^;]*)?", fullmatch=True))
@settings(deadline=None)
def test_any_text_is_an_address_or_bad_usage(text: str) -> None:
    try:
        assert unix_addresses(text)
    except UsageError as error:
        assert "\n" not in str(error)
