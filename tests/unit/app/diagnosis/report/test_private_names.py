"""The names of this host that a report must not tell."""

import socket
from pathlib import Path

import pytest

from app.diagnosis.report.private_names import private_names
from app.host.dbus_display import dbus_displays
from app.host.discovery import discover
from tests.unit.hosts import DEVICE_FD, UUID_A, Host, qemu


def test_people_hosts_vms_and_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path)
    host.mdev(UUID_A, "mbochs-small", 11)
    host.process(50, "qemu-system-x86", qemu("secret-vm"), {20: "/dev/vfio/11", 21: DEVICE_FD})
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000:Bob B:/data/bob:/bin/sh\n")
    monkeypatch.setattr(socket, "gethostname", lambda: "desk.lan")
    monkeypatch.setenv("HOME", "/data/bob")
    names = private_names(discover(host.scan()), passwd)
    assert {"bob", "Bob B"} <= names.users and "root" not in names.users
    assert names.hosts == {"desk.lan", "desk"}
    assert names.vms == {"secret-vm"}
    assert names.homes == {"/data/bob"}
    host.process(60, "qemu-system-x86", qemu("other-secret", "-display", "dbus,p2p=yes"))
    assert private_names((), passwd, dbus_displays(host.scan())).vms == {"other-secret"}
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setattr(socket, "gethostname", lambda: "localhost")
    names = private_names((), passwd)
    assert names.homes == names.hosts == frozenset()
