"""Without fds, memory or space, and under signals, there is one clear line or a picture. Nothing leaks or crashes."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.attach.helper_request import request_fds
from app.edid.mode import Mode
from app.errors import MdevviewError
from app.host import foreign_path
from app.host.scan import HostScan
from app.open.background import open_in_background
from app.open.opening import OpenOptions, open_target
from app.open.session import Session
from app.open.target import Pid, Target, parse_target
from app.planes.status import Reason, State
from app.vfio.fetch_record import FetchRecordError, FetchRecordFile
from tests.attacks.injection import KINDS, Faults, count_calls, injected, nothing_is_lost, run_command
from tests.recordings import record
from tests.unit.app.attach.installed_helper import maker
from tests.unit.command import MDEVVIEW, REPOSITORY
from tests.unit.hosts import UUID_A, Host, qemu
from tests.unit.vms import Vms, vms_on
from ui.cli.main import main

# Command lines and the exit statuses that a fault may give them. 64x64 is drawn quickly.
QUICK = ("list", "doctor")
DRAWN = (
    "inspect sim:gvt,size=64x64",
    "screenshot sim:mdpy,size=64x64 --timeout 0.2 -o",
    "screenshot replay:RECORDING,speed=max --raw --timeout 0.2 -o",
    "capture replay:RECORDING --duration 0 -o",
)


def _arguments(command: str, folder: Path) -> list[str]:
    command = command.replace("RECORDING", str(folder / "a.mcap"))
    return command.split() + ([str(folder / "shot.png")] if command.endswith("-o") else [])


@pytest.mark.parametrize("command", [*QUICK, *DRAWN])
def test_each_call_fails_in_turn(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of each kind, once or from then on: the command ends with success, or with one line and a status."""
    # Doctor starts a process for each of its checks, and reads a thousand lines of the kernel's log. Here it starts
    # one, which ends at once, and reads none, because it runs hundreds of times.
    monkeypatch.setattr("ui.cli.doctor.start_display_checks", lambda *_: None)
    monkeypatch.setattr("ui.cli.doctor._QT_COMMAND", ("true",))
    monkeypatch.setattr("app.diagnosis.host.kernel_findings.read_kernel_log", lambda *_: [])
    monkeypatch.setattr("app.diagnosis.host.host_findings.vfio_rules", list)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    # Of the host's processes only this one: each further one is the same calls once more, and may end meanwhile.
    take = HostScan.take
    monkeypatch.setattr(HostScan, "take", lambda: replace(take(), pids=(os.getpid(),)))
    record(tmp_path / "a.mcap", "mdpy,size=64x64", 100)
    arguments = _arguments(command, tmp_path)
    counts = count_calls(arguments)
    assert sum(counts.values()) > 50
    problems, failed = [], 0
    for kind, count in counts.items():
        # Most calls of stat look for translations. The proof of an import has a call of frombuffer for each row.
        for number in range(0, count, 9 if kind in ("stat", "frombuffer") else 1):
            for lasting in (False, True) if command in QUICK else (number % 2 == 0,):
                faults = Faults(kind, number, KINDS[kind][2][0], lasting)
                problems += run_command(arguments, faults)
                failed += faults.injected
    assert problems == []
    assert failed > 20
    assert run_command(arguments, Faults()) == []


def _poll(session: Session) -> None:
    """Some polls, with all that a viewer reads of a frame."""
    for _ in range(4):
        frame = session.source.latest()
        if frame.primary is not None:
            try:
                with frame.primary.buffer.mapping() as pixels:
                    bytes(pixels[:64])
            except OSError:
                pass
    session.describe()


@pytest.fixture
def vms(tmp_path: Path) -> Iterator[Vms]:
    host = Host(tmp_path)
    (host.paths.dev / "shm").mkdir(parents=True)
    yield from vms_on(host)


def _attached(vms: Vms, target: Target) -> str:
    """What opening, polling and closing a VM's device comes to."""
    try:
        session = open_target(target, vms.host.paths, OpenOptions(access=vms.access(), alone=False))
    except MdevviewError as error:
        return str(error)
    except OSError as error:
        return os.strerror(error.errno or 0)
    try:
        assert session.vm is not None
        _poll(session)
    finally:
        session.close()
    return ""


@pytest.mark.parametrize(("driver", "needed"), [("mbochs", {"flock", "write"}), ("mdpy", {"eventfd", "thread"})])
def test_each_call_for_a_vms_device_fails_in_turn(
    vms: Vms, driver: str, needed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fd of the VM's device may stay open: it would keep the VM from its next start."""
    # The VM is this user's: no child looks at its paths. (A fault inside socket.socketpair() loses fds in Python.)
    monkeypatch.setattr(foreign_path, "is_another_users", lambda *_: False)
    vms.host.mdev(UUID_A, f"{driver}-small", 1)
    device = f"vfio-pci,sysfsdev=/sys/bus/mdev/devices/{UUID_A},display=off"
    vm = vms.start("qemu-system-x86", qemu("a", "-device", device), [driver], groups=[1])
    target = Pid(vm.pid)
    with injected(Faults()) as counting:
        assert _attached(vms, target) == ""
    assert counting.counts.keys() >= {"pidfd_open", "readlink", "open", *needed}
    problems: list[str] = []
    for kind, count in counting.counts.items():
        for number in range(count):
            for code in KINDS[kind][2]:
                faults = Faults(kind, number, code, lasting=code == errno.EMFILE)
                found: list[str] = []
                with nothing_is_lost(found):
                    try:
                        with injected(faults):
                            _attached(vms, target)
                    except Exception as error:
                        found.append(f"raised {error!r}")
                problems += [f"{faults}: {each}" for each in found]
    assert problems == []
    assert _attached(vms, target) == ""


def test_commands_with_few_fds_left() -> None:
    """The limit of the kernel, so that Mesa's own calls fail too."""
    command = [sys.executable, "-m", "tests.attacks.programs.few_files", "inspect", "sim:gvt,size=64x64"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(runs) == 10
    for left, status, lines in runs:
        assert (status == 0 and not lines) or (status == 1 and len(lines) == 1), f"{left} fds left: {lines}"
        assert not any("internal error" in line for line in lines)
    assert runs[0][1] == 1
    assert "Too many open files" in runs[0][2][0]
    assert runs[-1][1] == 0, "it must recover"


@contextmanager
def _no_fd_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # poll(2) refuses more fds than the limit says.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("target", ["sim:gvt,size=64x64,fps=1000,buffers=8", "sim:mdpy,size=64x64,fps=1000"])
def test_open_session_lives_through_a_time_without_fds(target: str) -> None:
    session = open_target(parse_target(target))
    try:
        assert session.source.latest().status.reason is Reason.OK
        with _no_fd_left():
            for _ in range(50):
                assert session.source.latest().status.state is not State.GONE
                time.sleep(0.001)
        deadline = time.monotonic() + 20
        while session.source.latest().status.reason is not Reason.OK:
            assert time.monotonic() < deadline, session.source.latest().status
            time.sleep(0.01)
    finally:
        session.close()


# Signals.


@contextmanager
def _signals(least: int) -> Iterator[None]:
    """A handler runs 2000 times a second. Each system call that waits meanwhile ends with EINTR."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    before = signal.signal(signal.SIGALRM, count)
    signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen >= least


@pytest.mark.parametrize("command", [*QUICK, "screenshot sim:gvt,size=64x64 -o", *DRAWN])
def test_signals_at_a_high_rate_disturb_no_command(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / "a.mcap", "mdpy,size=64x64", 100)
    arguments = _arguments(command, tmp_path)
    expected = main(arguments)
    with _signals(3):
        for _ in range(3):
            assert main(arguments) == expected
    assert capfd.readouterr().err == ""


def test_signals_disturb_neither_a_change_of_the_resolution_nor_a_wait() -> None:
    with _signals(20):
        session = open_target(parse_target("sim:gvt,size=640x480"))
        try:
            session.resolution.begin(Mode(800, 600), 96)
            while (wait_ns := session.resolution.step()) is not None:
                time.sleep(wait_ns / 1e9)
            assert session.resolution.is_set(Mode(800, 600))
            end = time.monotonic() + 10
            while (primary := session.source.latest().primary) is None or primary.plane.width != 800:
                assert time.monotonic() < end
                time.sleep(0.002)
        finally:
            session.close()
        opener = open_in_background(parse_target("sim:mdpy,size=64x64"))
        try:
            while not isinstance(result := opener.poll(), Session):
                assert time.monotonic() < end
                time.sleep(0.002)
            result.close()
        finally:
            opener.close()
            opener.join(10)


def test_signals_do_not_disturb_the_wait_for_the_helper(tmp_path: Path) -> None:
    script = "time.sleep(0.2); answer({'refused': 'as asked', 'kind': 'process'})"
    with _signals(20), pytest.raises(MdevviewError, match="as asked"):
        request_fds(4711, installation=maker(tmp_path)(script))


# A full disk, and standard files.


def test_record_of_fetches_on_a_full_disk_allows_no_fetch(tmp_path: Path) -> None:
    """/dev/shm is a tmpfs with a limit, and every user can fill it. A file size limit stands for that."""
    paths = Host(tmp_path).paths
    (paths.dev / "shm").mkdir(parents=True)
    record = FetchRecordFile.open(os.getpid(), 1, "device", paths)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (file,) = (paths.dev / "shm").iterdir()
    try:
        record.note(1)
        # Three of the bytes of the next line: the kernel writes them and returns their number.
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 3, hard))
        with pytest.raises(OSError, match="No space left"):
            record.note(2)
        refused = record.refusal(3)
        assert refused is not None
        assert refused.reason is Reason.FETCHED_ELSEWHERE
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        # Also when there is space again: what was fetched meanwhile would be unknown.
        assert record.refusal(3) == refused
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        record.close()
    with pytest.raises(FetchRecordError, match="is damaged"):
        FetchRecordFile.open(os.getpid(), 1, "device", paths)


_COMMANDS = ("doctor", "inspect sim:gvt,size=64x64", "screenshot sim:gvt,size=64x64 -o -", "--version", "nonsense")


@pytest.mark.parametrize("files", [">/dev/full", "<&- >&- 2>&-", "| :", "2>/dev/full"])
def test_standard_files_that_are_full_or_closed(files: str, tmp_path: Path) -> None:
    """Each command says it in one line, where it still can, and its status is not 0 if its output is lost."""
    running = {}
    for number, command in enumerate(_COMMANDS):
        program = f'"{sys.executable}" -m {MDEVVIEW} {command}'
        # "$?" of the first command of a pipe goes to a file. The reader is gone before the program writes.
        script = f"({program} {files if files != '| :' else ''}; echo $? >{tmp_path}/{number})"
        script = script if files != "| :" else f"(sleep 0.3; {script[1:]} | :"
        running[command] = subprocess.Popen(
            ["sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            # argparse ignores failed writes, which only show when each is made at once.
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    lost = files == ">/dev/full" or files in ("<&- >&- 2>&-", "| :")
    for number, (command, process) in enumerate(running.items()):
        out, err = process.communicate(timeout=60)
        status = int((tmp_path / str(number)).read_text())
        lines = err.decode().splitlines()
        case = f"{command} {files}: status {status}, {lines}"
        assert not any("Traceback" in line or "Exception ignored" in line for line in lines), case
        assert all(line.startswith("mdevview: ") for line in lines), case
        if command == "nonsense":
            assert status == 2, case
        elif lost:
            assert status == 1, case
            assert len(lines) == (0 if files in ("| :", "<&- >&- 2>&-") else 1), case
        else:
            assert status == 0 or (command == "doctor" and status == 1), case
            assert out and lines == [], case
