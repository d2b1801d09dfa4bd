"""Whether a VM was started with ``-display dbus``. What QEMU 10.0 takes was tried with ``query-display-options``."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.qemu.command_line import parse_command_line
from app.qemu.display_backend import DbusOption, dbus_option
from app.qemu.option_text import quoted


def _option(*arguments: str) -> DbusOption | None:
    return dbus_option(parse_command_line(["qemu-system-x86_64", *arguments]))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("dbus", DbusOption()),
        ("dbus,p2p=yes", DbusOption(p2p=True)),
        (
            "dbus,p2p=on,gl=on,rendernode=/dev/dri/renderD128",
            DbusOption(p2p=True, gl=True, render_node="/dev/dri/renderD128"),
        ),
        ("type=dbus,p2p=off,p2p=y", DbusOption(p2p=True)),
        ("dbus,gl=es", DbusOption(gl=True)),
        ("dbus,gl=core,gl=off", DbusOption()),
        ("dbus,addr=unix:path=/run/bus,,guid=5f,gl=core", DbusOption(address="unix:path=/run/bus,guid=5f", gl=True)),
        ('{"type": "dbus", "p2p": true, "gl": "on"}', DbusOption(p2p=True, gl=True)),
        ('{"type": "dbus", "addr": "unix:path=/run/bus,guid=5f"}', DbusOption(address="unix:path=/run/bus,guid=5f")),
        ("gtk,gl=on", None),
        ("none", None),
        ("dbus2", None),
        ('["dbus"]', None),
        ("{", None),
    ],
)
def test_the_spellings_of_qemu(value: str, found: DbusOption | None) -> None:
    assert _option("-display", value) == found
    assert _option("--display", value) == found


def test_the_last_display_counts_and_replaces_all_of_those_before() -> None:
    assert _option("-display", "dbus,p2p=on,gl=on", "-display", "dbus") == DbusOption()
    assert _option("-display", "dbus,p2p=on", "-display", "sdl") is None
    assert _option("-display", "sdl", "-display", "dbus,p2p=on") == DbusOption(p2p=True)
    assert _option("-display", "dbus,p2p=on", "-nographic") is None
    assert _option("-nographic", "-display", "dbus,p2p=on") == DbusOption(p2p=True)
    assert _option("-display", "dbus,p2p=on", "-display", "vnc=none") == DbusOption(p2p=True), "beside VNC"


def test_other_options_do_not_count() -> None:
    assert _option() is None
    assert _option("-device", "dbus,p2p=on", "-audiodev", "dbus,id=a") is None
    assert _option("-name", "-display dbus", "disk.img") is None


@given(
    p2p=st.booleans(),
    gl=st.sampled_from(["off", "on", "core", "es"]),
    address=st.text(min_size=1),
    as_json=st.booleans(),
)
@settings(deadline=None)
def test_what_was_written_is_read(p2p: bool, gl: str, address: str, as_json: bool) -> None:
    value = (
        json.dumps({"type": "dbus", "p2p": p2p, "gl": gl, "addr": address})
        if as_json
        else f"dbus,p2p={'yes' if p2p else 'no'},gl={gl},addr={quoted(address)}"
    )
    if "\0" in value:
        return
    assert _option("-display", value) == DbusOption(p2p, address, gl != "off")


@given(st.lists(st.one_of(st.text(), st.sampled_from(["-display", "dbus", "{}", "-nographic", "type=", "dbus,,"]))))
@settings(deadline=None)
def test_no_command_line_raises(arguments: list[str]) -> None:
    _option(*arguments)
