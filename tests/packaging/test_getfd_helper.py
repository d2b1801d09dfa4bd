"""The helper that runs as root. Its refusals are tested with the real program; for what it sends, the kernel is faked.

The lab has a real VFIO device to send (tests/lab/inside/program/test_privilege.py).
"""

import errno
import fcntl
import importlib.machinery
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.attach.helper_answer import MAX_FDS
from app.attach.helper_installation import ACTION, HELPER

_REPOSITORY = Path(__file__).parents[2]
_HELPER = _REPOSITORY / "packaging/helper/mdevview-getfd"
_POLICY = _HELPER.parent / "io.github.mdevview.getfd.policy"
_ISOLATED = "-ISB"

_BY_SUDO = {"SUDO_UID": str(os.getuid())}

Answer = dict[str, Any]


def _run(
    *arguments: object, stdin: Any, environment: dict[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, _ISOLATED, _HELPER, *map(str, arguments)],
        stdin=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=60,
        check=False,
    )


def _ask(*arguments: object, cwd: Path | None = None, **environment: str) -> Answer:
    """The answer to a request of this user, as by sudo."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            ran = _run(*arguments, stdin=theirs, environment=_BY_SUDO | environment, cwd=cwd)
        message, fds, _, _ = socket.recv_fds(ours, 1 << 16, 16)
    assert (ran.returncode, ran.stdout, ran.stderr, fds) == (1, "", "", [])
    answer = json.loads(message)
    assert isinstance(answer, dict)
    return answer


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


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["5", "6", "7"], ["5; id"], ["x"], ["-5"], ["+5"], [" 5"], ["0x5"], ["5.0"], ["٣"]),
        *(["99999999999"], ["4294967297"], ["5", ""], ["5", "-1"]),
    ],
)
def test_request_that_is_no_pid_and_fd(arguments: list[str]) -> None:
    answer = _ask(*arguments)
    assert re.search(r"is no number|usage: mdevview-getfd PID \[FD\]", answer["refused"])


def test_processes_that_are_no_vmm(target: int) -> None:
    assert _ask(0) == {"refused": "process 0 is no VMM", "kind": "rights"}
    assert _ask(1) == {"refused": "process 1 is no VMM", "kind": "rights"}
    assert _ask(4194305) == {"refused": "there is no process 4194305", "kind": "process"}
    answer = _ask(target)
    assert answer == {"refused": f"process {target} is no VMM: it has no VFIO device open", "kind": "device"}
    with subprocess.Popen(["/bin/true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        assert _ask(zombie.pid) == {"refused": f"process {zombie.pid} has ended", "kind": "process"}


def test_fds_that_are_no_vfio_device_whatever_they_are_called(target: int) -> None:
    for fd in (*map(int, os.listdir(f"/proc/{target}/fd")), 1000, 2147483647):
        assert _ask(target, fd) == {"refused": f"fd {fd} of process {target} is no VFIO device", "kind": "device"}


def test_thread_is_no_process(target: int) -> None:
    """pidfd_open(2) takes only the leader of a thread group."""
    with subprocess.Popen(
        [sys.executable, "-c", "import threading, time; threading.Thread(target=time.sleep, args=(1000,)).start()"]
    ) as process:
        try:
            tasks: list[str] = []
            while len(tasks) < 2:
                tasks = os.listdir(f"/proc/{process.pid}/task")
            other = next(each for each in tasks if int(each) != process.pid)
            assert _ask(other)["kind"] in ("rights", "process")
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
    answer = _ask(
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
    first = _HELPER.read_text().split("\n", 1)[0]
    assert first == f"#!/usr/bin/python3 {_ISOLATED}"
    assert _HELPER.stat().st_mode & 0o777 == 0o755


def test_polkit_lets_administrators_decide_and_nobody_else(helper: Any) -> None:
    (action,) = ElementTree.parse(_POLICY).iter("action")
    assert [(each.tag, each.text) for each in action.iterfind("defaults/*")] == [
        ("allow_any", "auth_admin"),
        ("allow_inactive", "auth_admin"),
        ("allow_active", "auth_admin_keep"),
    ]
    annotated = action.find("annotate")
    assert annotated is not None
    assert (annotated.get("key"), annotated.text) == ("org.freedesktop.policykit.exec.path", str(HELPER))
    assert ACTION.name == _POLICY.name == f"{action.get('id')}.policy"
    assert helper.MAX_FDS == MAX_FDS


def _refused_aloud(stdin: Any, **environment: str) -> str:
    ran = _run(os.getpid(), stdin=stdin, environment=_BY_SUDO | environment)
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
        ran = _run(os.getpid(), stdin=theirs, environment={})
        assert "only pkexec or sudo" in ran.stderr
        assert "no number" in _refused_aloud(theirs, SUDO_UID="root")


def test_answers_with_standard_output_and_error_closed(target: int) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            command = [sys.executable, _ISOLATED, str(_HELPER), str(target)]
            subprocess.run(
                ["/bin/sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command],
                stdin=theirs.fileno(),
                env=_BY_SUDO,
                check=False,
                timeout=60,
            )
        assert b"no VFIO device open" in ours.recv(1 << 16)


@pytest.fixture(scope="module")
def helper() -> Any:
    """The script as a module. Importing it runs nothing."""
    loader = importlib.machinery.SourceFileLoader("mdevview_getfd", str(_HELPER))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def test_nothing_is_left_of_root_but_what_it_takes_to_look() -> None:
    ran = subprocess.run(
        [sys.executable, "-B", "-m", "tests.packaging.programs.drop_rights", _HELPER],
        cwd=_REPOSITORY,
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


class _Kernel:
    """Answers for the kernel: fds in ``devices`` are VFIO devices, and so are all duplicates."""

    def __init__(self, helper: Any, monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
        self.devices = {0: ("vfio-dev", "")}
        self.own = ("vfio-dev", "")
        self.displays = True
        self._pid = pid
        monkeypatch.setattr(helper, "vfio_class", self._vfio_class)
        monkeypatch.setattr(helper, "has_display", lambda fd: self.displays)

    def _vfio_class(self, path: str) -> tuple[str, str]:
        folder, fd = path.rsplit("/", 1)
        if folder == f"/proc/{self._pid}/fd":
            return self.devices.get(int(fd), ("", ""))
        assert folder == "/proc/self/fd"
        return self.own


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has one file of ours open, as fd 0."""
    (tmp_path / "device").touch()
    with (tmp_path / "device").open() as file, subprocess.Popen(["/bin/sleep", "1000"], stdin=file) as process:
        yield process
        process.kill()


@pytest.fixture
def pidfds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes the pidfds, which the script itself leaves to the end of its process."""
    opened: list[int] = []
    real = os.pidfd_open

    def noted(pid: int) -> int:
        opened.append(real(pid))
        return opened[-1]

    monkeypatch.setattr(os, "pidfd_open", noted)
    yield
    for each in opened:
        os.close(each)


@pytest.fixture
def kernel(helper: Any, monkeypatch: pytest.MonkeyPatch, holder: subprocess.Popen[bytes], pidfds: None) -> _Kernel:
    return _Kernel(helper, monkeypatch, holder.pid)


@contextmanager
def _duplicates(helper: Any, pid: int, only: int | None) -> Iterator[tuple[dict[int, int], list[int]]]:
    found, groups = helper.duplicates(pid, only)
    yield found, groups
    for each in found.values():
        os.close(each)


def test_duplicate_is_of_the_very_file(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    kernel.devices = {0: ("vfio-dev", ""), 1: ("vfio", "7"), 2: ("vfio", "noiommu-12")}
    with _duplicates(helper, holder.pid, None) as (found, groups):
        assert (list(found), groups) == ([0], [7, 12])
        assert os.fstat(found[0]).st_ino == (tmp_path / "device").stat().st_ino
        assert not os.get_inheritable(found[0])


def test_only_what_was_asked_for_is_duplicated(helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes]) -> None:
    kernel.devices = {0: ("vfio-dev", ""), 1: ("vfio-dev", "vfio0")}
    with _duplicates(helper, holder.pid, 1) as (found, _):
        assert list(found) == [1]
    with _duplicates(helper, holder.pid, None) as (found, _):
        assert sorted(found) == [0, 1]


def test_file_exchanged_after_the_look_is_not_handed_over(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes]
) -> None:
    kernel.own = ("", "")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(helper.Refusal, match="no VFIO device with a display"):
        helper.duplicates(holder.pid, 0)
    # The pidfd is still open; the duplicate is closed.
    assert len(os.listdir("/proc/self/fd")) == before + 1


def test_device_without_a_display_is_not_handed_over(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes]
) -> None:
    kernel.displays = False
    with pytest.raises(helper.Refusal, match="no VFIO device with a display"):
        helper.duplicates(holder.pid, None)


def test_process_that_ended_meanwhile_may_have_been_another(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(fd: int) -> bool:
        os.close(fd)
        holder.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        return True

    monkeypatch.setattr(helper, "has_display", end)
    with pytest.raises(helper.Refusal, match=f"process {holder.pid} has ended") as caught:
        helper.duplicates(holder.pid, 0)
    assert caught.value.kind == "process"


def test_more_devices_than_a_message_carries(
    helper: Any, kernel: _Kernel, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper, "vfio_files", lambda pid: (list(range(65)), []))
    with pytest.raises(helper.Refusal, match="too many VFIO devices open: 65"):
        helper.duplicates(holder.pid, None)


def test_kernel_thread_is_no_vmm(helper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pidfds: None) -> None:
    """It has PF_KTHREAD in the flags of proc_pid_stat(5), after a name that may contain any character."""
    stat = tmp_path / "stat"
    stat.write_bytes(b"2 (kth) S 9 9 9) S 0 0 0 0 -1 2129984 0 0\n")
    monkeypatch.setattr(helper, "open", lambda path, mode: stat.open(mode), raising=False)
    with pytest.raises(helper.Refusal, match="belongs to the kernel"):
        helper.duplicates(os.getpid(), None)


@pytest.mark.parametrize(
    ("answers", "display"),
    [
        ({0x3B6B: 0, (0x3B72, 3): 0}, True),
        ({0x3B6B: 0, (0x3B72, 3): errno.EINVAL, (0x3B72, 5): 0}, True),
        ({0x3B6B: 0, (0x3B72, 3): errno.EINVAL, (0x3B72, 5): errno.EINVAL}, False),
        ({0x3B6B: 0, (0x3B72, 3): errno.ENOTTY, (0x3B72, 5): errno.ENOTTY}, False),
        # A device node that is not bound to an iommufd yet: no further ioctl is made.
        ({0x3B6B: errno.EINVAL}, False),
    ],
)
def test_display_is_probed_and_nothing_else_is_asked(
    helper: Any, monkeypatch: pytest.MonkeyPatch, answers: dict[Any, int], display: bool
) -> None:
    def ioctl(fd: int, request: int, argument: bytearray) -> int:
        assert len(argument) == int.from_bytes(argument[:4], sys.byteorder)
        flags = int.from_bytes(argument[4:8], sys.byteorder)
        code = answers.pop((request, flags) if request == 0x3B72 else request)
        if code:
            raise OSError(code, os.strerror(code))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert helper.has_display(99) is display
    assert not answers


def test_character_device_is_what_the_kernel_calls_it(
    helper: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The device number counts, not the path: a container or a user may create the node under any path."""
    links = {
        "/proc/9/fd/5": "/vfio-of-mine",
        "/sys/dev/char/1:3/subsystem": "../../../../class/vfio-dev",
        "/sys/dev/char/1:3": "../../devices/virtual/mbochs/mbochs/UUID/vfio-dev/vfio3",
    }
    monkeypatch.setattr(os, "readlink", links.__getitem__)
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path: real("/dev/null" if path == "/proc/9/fd/5" else path))
    assert helper.vfio_class("/proc/9/fd/5") == ("vfio-dev", "vfio3")
    links["/sys/dev/char/1:3/subsystem"] = "../../../../class/mem"
    assert helper.vfio_class("/proc/9/fd/5") == ("", "")
    links["/proc/9/fd/5"] = "anon_inode:[vfio-device]"
    assert helper.vfio_class("/proc/9/fd/5") == ("vfio-dev", "")


def test_file_on_a_file_system_that_is_closed_to_it_is_no_device(helper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a FUSE mount is to other users. The VM's vGPU is found nevertheless."""

    def closed(_: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "readlink", {"/proc/9/fd/5": "/mnt/vfio/disk.qcow2"}.__getitem__)
    monkeypatch.setattr(os, "stat", closed)
    assert helper.vfio_class("/proc/9/fd/5") == ("", "")
