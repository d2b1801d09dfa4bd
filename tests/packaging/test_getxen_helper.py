"""The helper that opens the files of Xen as root: what it refuses, what it hands over, and the rights that it keeps."""

import fcntl
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.attach.helper_installation import XEN_ACTION
from app.attach.helper_installation import XEN_HELPER as INSTALLED_HELPER
from app.attach.xen_files import FILES
from tests.packaging.getfd import BY_SUDO, ISOLATED, REPOSITORY, XEN_HELPER, load_helper, run

_POLICY = XEN_HELPER.parent / "io.github.mdevview.getxen.policy"
_NO_XEN = not Path("/sys/class/misc/xen!gntdev").exists()


@pytest.fixture(scope="module")
def xen_helper() -> Any:
    return load_helper(XEN_HELPER)


def _ask(*arguments: str, cwd: Path | None = None, **environment: str) -> dict[str, Any]:
    """The answer to a request of this user, as by sudo. Nothing is handed over."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            ran = run(*arguments, stdin=theirs, environment=BY_SUDO | environment, cwd=cwd, helper=XEN_HELPER)
        message, fds, _, _ = socket.recv_fds(ours, 1 << 16, 16)
    assert (ran.returncode, ran.stdout, ran.stderr, fds) == (1, "", "", [])
    answer: dict[str, Any] = json.loads(message)
    return answer


def _refused_aloud(stdin: Any, **environment: str) -> str:
    ran = run(stdin=stdin, environment=BY_SUDO | environment, helper=XEN_HELPER)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    return ran.stderr.removeprefix("mdevview-getxen: ").rstrip("\n")


def _devices(folder: Path, **numbers: str) -> tuple[str, str]:
    """A folder like /sys with these numbers, and one like /dev, whose ``xen`` is /dev itself."""
    for name, number in numbers.items():
        entry = folder / "sys/class/misc" / f"xen!{name}"
        entry.mkdir(parents=True)
        (entry / "dev").write_text(f"{number}\n")
    (folder / "dev").mkdir()
    (folder / "dev/xen").symlink_to("/dev")
    return str(folder / "sys"), str(folder / "dev")


def test_exactly_the_three_devices_are_handed_over_without_any_capability(tmp_path: Path) -> None:
    folders = _devices(tmp_path, null="1:3", zero="1:5", full="1:7")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            ran = subprocess.run(
                [sys.executable, "-B", "-m", "tests.packaging.programs.hand_over_devices", *folders],
                stdin=theirs.fileno(),
                env=BY_SUDO,
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
        message, fds, _, _ = socket.recv_fds(ours, 1 << 16, 16)
    try:
        assert json.loads(message) == {"files": ["null", "zero", "full"]}
        assert [os.fstat(each).st_rdev for each in fds] == [os.makedev(1, minor) for minor in (3, 5, 7)]
        assert {fcntl.fcntl(each, fcntl.F_GETFL) & os.O_ACCMODE for each in fds} == {os.O_RDWR}
    finally:
        for each in fds:
            os.close(each)
    status = dict(line.split(":\t", 1) for line in ran.stdout.splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    assert {int(status[each], 16) for each in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("1:5", "is not the kernel's device"),
        ("10:3", "unknown number"),
        ("1:x", "unknown number"),
        ("", "unknown number"),
        ("1", "unknown number"),
    ],
)
def test_device_with_another_number_is_not_opened(
    xen_helper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: str, says: str
) -> None:
    monkeypatch.setattr(xen_helper, "MISC_MAJOR", 1)
    sys_folder, dev_folder = _devices(tmp_path, null=number)
    with pytest.raises(xen_helper.Refusal, match=says) as caught:
        xen_helper.open_file("null", dev_folder, sys_folder)
    assert caught.value.kind == "device"


def test_link_file_and_missing_node_are_not_opened(
    xen_helper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(xen_helper, "MISC_MAJOR", 1)
    sys_folder, dev_folder = _devices(tmp_path, null="1:3")
    (tmp_path / "dev/xen").unlink()
    (tmp_path / "dev/xen").mkdir()
    node = tmp_path / "dev/xen/null"
    with pytest.raises(xen_helper.Refusal, match="No such file"):
        xen_helper.open_file("null", dev_folder, sys_folder)
    node.symlink_to("/dev/null")
    with pytest.raises(xen_helper.Refusal, match="not the kernel's device"):
        xen_helper.open_file("null", dev_folder, sys_folder)
    node.unlink()
    os.mkfifo(node)  # opening it would wait
    with pytest.raises(xen_helper.Refusal, match="not the kernel's device"):
        xen_helper.open_file("null", dev_folder, sys_folder)


@pytest.mark.skipif(not _NO_XEN, reason="this is a Xen domain")
def test_host_without_xen_is_told(tmp_path: Path) -> None:
    traps = tmp_path / "traps"
    traps.mkdir()
    for name in ("socket", "json", "os", "ctypes", "sitecustomize", "usercustomize", "encodings"):
        (traps / f"{name}.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\n")
    answer = _ask(cwd=traps, PYTHONPATH=str(traps), PYTHONHOME=str(traps), HOME=str(traps), PYTHONINSPECT="1")
    refused = "the kernel has no device xen/gntdev: is xen-gntdev loaded?"
    assert answer == {"refused": refused, "kind": "device"}
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("arguments", [["gntdev"], ["/dev/xen/privcmd"], [""], ["-h"]])
def test_nothing_else_can_be_asked_for(arguments: list[str]) -> None:
    assert _ask(*arguments) == {"refused": "usage: mdevview-getxen", "kind": "rights"}


def test_only_the_user_who_asked_gets_an_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (tmp_path / "file").open() as file:
        assert _refused_aloud(file) == "standard input is no socket"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        assert "AF_UNIX" in _refused_aloud(other)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as lonely:
        assert "does not lead to user" in _refused_aloud(lonely)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        somebody, own = str(os.getuid() + 1), str(os.getuid())
        said = f"standard input does not lead to user {somebody}, who asked"
        assert _refused_aloud(theirs, SUDO_UID=somebody) == said
        assert "only pkexec or sudo" in _refused_aloud(theirs, PKEXEC_UID=own)
        for each in ("root", "-1", "+5", "4294967297", "٣", ""):
            assert "no number" in _refused_aloud(theirs, SUDO_UID=each)
        with pytest.raises(BlockingIOError):
            ours.recv(1, socket.MSG_DONTWAIT)


def test_is_started_isolated_and_opens_what_the_viewer_expects(xen_helper: Any) -> None:
    assert XEN_HELPER.read_text().split("\n", 1)[0] == f"#!/usr/bin/python3 {ISOLATED}"
    assert XEN_HELPER.stat().st_mode & 0o777 == 0o755
    assert xen_helper.FILES == FILES


def test_polkit_lets_administrators_decide_each_time_and_says_what_it_means() -> None:
    (action,) = ElementTree.parse(_POLICY).iter("action")
    assert [each.text for each in action.iterfind("defaults/*")] == ["auth_admin"] * 3
    annotated = action.find("annotate")
    assert annotated is not None
    assert (annotated.get("key"), annotated.text) == ("org.freedesktop.policykit.exec.path", str(INSTALLED_HELPER))
    assert XEN_ACTION.name == _POLICY.name == f"{action.get('id')}.policy"
    message = action.findtext("message")
    assert message is not None
    assert "this host and all of its guests what root can do" in message
