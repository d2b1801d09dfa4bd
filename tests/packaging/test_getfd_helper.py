"""The helper that runs as root: what it refuses, tested with the real program, and the rights that it keeps."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.attach.helper_answer import MAX_FDS
from app.attach.helper_installation import ACTION
from app.attach.helper_installation import HELPER as INSTALLED_HELPER
from app.attach.request_text import owner
from tests.packaging.getfd import BY_SUDO, HELPER, ISOLATED, REPOSITORY, ask, request, run

_POLICY = HELPER.parent / "io.github.mdevview.getfd.policy"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    """A process that has files open which only look like VFIO devices."""
    disguised = tmp_path / "dev/vfio/devices"
    disguised.mkdir(parents=True)
    memfd = os.memfd_create("anon_inode:[vfio-device]")
    names = (tmp_path / "anon_inode:[vfio-device]", disguised / "vfio0", tmp_path / "dev/vfio/11")
    fds = [memfd]
    for name in names:
        name.touch()
        fds.append(os.open(name, os.O_RDONLY))
    # A symbolic link is followed when it is opened, whatever its name is.
    (disguised / "vfio1").symlink_to("/dev/null")
    fds.append(os.open(disguised / "vfio1", os.O_RDONLY))
    with subprocess.Popen(["/bin/sleep", "1000"], pass_fds=fds) as process:
        for each in fds:
            os.close(each)
        yield process.pid
        process.kill()


@pytest.mark.parametrize("number", ["5; id", "x", "-5", "+5", " 5", "0x5", "5.0", "٣", "99999999999", "4294967297", ""])
def test_request_that_is_no_pid_and_fd(number: str) -> None:
    assert "PID is no number" in ask(f"pid={number}", "user=root", "vm=a")["refused"]
    assert "FD is no number" in ask("pid=5", "user=root", "vm=a", f"fd={number}")["refused"]


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["5"], ["5", "6"], ["pid=5"], ["pid=5", "user=root"], ["pid=5", "fd=6"], ["pid=5", "root", "a"]),
        *(["user=root", "pid=5", "vm=a"], ["pid=5", "user=root", "vm=a", "fd=6", "fd=7"]),
    ],
)
def test_request_without_its_words(arguments: list[str]) -> None:
    usage = "usage: mdevview-getfd pid=PID user=USER vm=NAME [fd=FD]"
    assert ask(*arguments) == {"refused": usage, "kind": "rights"}


def test_processes_that_are_no_vmm(target: int) -> None:
    assert ask(0) == {"refused": "process 0 is no VMM", "kind": "rights"}
    assert ask(1) == {"refused": "process 1 is no VMM", "kind": "rights"}
    assert ask(4194305) == {"refused": "there is no process 4194305", "kind": "process"}
    answer = ask(target)
    assert answer == {"refused": f"process {target} is no VMM: it has no VFIO device open", "kind": "device"}
    with subprocess.Popen(["/bin/true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        assert ask(zombie.pid) == {"refused": f"process {zombie.pid} has ended", "kind": "process"}


def test_a_process_cannot_say_in_its_name_who_owns_it() -> None:
    """The kernel escapes a newline of the name in /proc/PID/status, but no carriage return (fs/proc/array.c)."""
    name = "\rUid:\t7\t7\t7\t7"
    program = f"import ctypes; ctypes.CDLL(None).prctl(15, {name.encode()!r}, 0, 0, 0); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert name.encode() in Path(f"/proc/{process.pid}/status").read_bytes()
        true = owner(os.getpid())
        assert owner(process.pid) == true
        assert "has no VFIO device open" in ask(f"pid={process.pid}", f"user={true}", "vm=?")["refused"]
        process.kill()


def test_fds_that_are_no_vfio_device_whatever_they_are_called(target: int) -> None:
    for fd in (*map(int, os.listdir(f"/proc/{target}/fd")), 1000, 2147483647):
        assert ask(target, fd) == {"refused": f"fd {fd} of process {target} is no VFIO device", "kind": "device"}


def test_thread_is_no_process(target: int) -> None:
    """pidfd_open(2) takes only the leader of a thread group."""
    with subprocess.Popen([sys.executable, "-m", "tests.packaging.programs.two_threads"], cwd=REPOSITORY) as process:
        try:
            tasks: list[str] = []
            while len(tasks) < 2:
                tasks = os.listdir(f"/proc/{process.pid}/task")
            other = next(each for each in tasks if int(each) != process.pid)
            assert ask(int(other))["kind"] in ("rights", "process")
        finally:
            process.kill()


def test_environment_and_current_folder_have_no_say(target: int, tmp_path: Path) -> None:
    mark, traps = tmp_path / "mark", tmp_path / "traps"
    traps.mkdir()
    for name in ("socket", "json", "os", "ctypes", "sitecustomize", "usercustomize", "encodings"):
        (traps / f"{name}.py").write_text(f"open({str(mark)!r}, 'w')\n")
    told = {
        name: str(traps)
        for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PATH", "HOME")
    }
    answer = ask(
        target,
        cwd=traps,
        PYTHONSTARTUP=str(traps / "json.py"),
        PYTHONINSPECT="1",
        PYTHONVERBOSE="1",
        PYTHONWARNINGS="error",
        **told,
    )
    assert answer["kind"] == "device"
    assert not mark.exists()
    assert not list(traps.glob("**/__pycache__"))


def test_is_started_isolated() -> None:
    """pkexec and sudo run it by its first line; the tests above use the same options."""
    first = HELPER.read_text().split("\n", 1)[0]
    assert first == f"#!/usr/bin/python3 {ISOLATED}"
    assert HELPER.stat().st_mode & 0o777 == 0o755


def test_polkit_lets_administrators_decide_and_nobody_else(helper: Any) -> None:
    (action,) = ElementTree.parse(_POLICY).iter("action")
    assert [(each.tag, each.text) for each in action.iterfind("defaults/*")] == [
        ("allow_any", "auth_admin"),
        ("allow_inactive", "auth_admin"),
        ("allow_active", "auth_admin"),
    ]
    annotated = action.find("annotate")
    assert annotated is not None
    assert (annotated.get("key"), annotated.text) == ("org.freedesktop.policykit.exec.path", str(INSTALLED_HELPER))
    assert ACTION.name == _POLICY.name == f"{action.get('id')}.policy"
    assert helper.MAX_FDS == MAX_FDS


def _refused_aloud(stdin: Any, **environment: str) -> str:
    ran = run(*request(os.getpid()), stdin=stdin, environment=BY_SUDO | environment)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    return ran.stderr.removeprefix("mdevview-getfd: ").rstrip("\n")


def test_standard_input_that_is_no_socket_of_the_askers(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (tmp_path / "file").open() as file:
        assert _refused_aloud(file) == "standard input is no socket"
    assert _refused_aloud(subprocess.PIPE) == "standard input is no socket"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert "SOCK_SEQPACKET" in _refused_aloud(theirs)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        assert "AF_UNIX" in _refused_aloud(other)
    nobody = "does not lead to user"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as lonely:
        assert nobody in _refused_aloud(lonely)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        somebody = str(os.getuid() + 1)
        assert (
            _refused_aloud(theirs, SUDO_UID=somebody) == f"standard input does not lead to user {somebody}, who asked"
        )
        with pytest.raises(BlockingIOError):
            ours.recv(1, socket.MSG_DONTWAIT)


def test_asker_must_be_told_once() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        uid = str(os.getuid())
        assert "only pkexec or sudo" in _refused_aloud(theirs, PKEXEC_UID=uid)
        ran = run(*request(os.getpid()), stdin=theirs, environment={})
        assert "only pkexec or sudo" in ran.stderr
        assert "no number" in _refused_aloud(theirs, SUDO_UID="root")


def test_answers_with_standard_output_and_error_closed(target: int) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            command = [sys.executable, ISOLATED, str(HELPER), *request(target)]
            subprocess.run(
                ["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command],
                stdin=theirs.fileno(),
                env=BY_SUDO,
                check=False,
                timeout=60,
            )
        assert b"no VFIO device open" in ours.recv(1 << 16)


def test_nothing_is_left_of_root_but_what_it_takes_to_look() -> None:
    ran = subprocess.run(
        [sys.executable, "-B", "-m", "tests.packaging.programs.drop_rights", HELPER],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    status = dict(line.split(":\t", 1) for line in ran.stdout.splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1"
    look_only = 1 << 2 | 1 << 19
    assert int(status["CapEff"], 16) | look_only == look_only
    assert status["CapEff"] == status["CapPrm"]
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    if os.getuid() == 0:
        assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4
        assert not status["Groups"].split()
        assert int(status["CapEff"], 16) == look_only
