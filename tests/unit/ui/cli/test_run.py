"""``mdevview run`` from its arguments to its exit status, with a fake QEMU and another for the window."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit import command
from tests.unit.fake_qemu import FakeQemu

_PATIENCE_S = 60.0

_PROGRAMS = "tests.unit.ui.cli.programs"
# A device that is no mdev is the VM's own affair; no host is asked for one.
_OWN_DEVICE = ("-device", "vfio-pci,host=65:00.4")


class _Run:
    def __init__(self, folder: Path, process: "subprocess.Popen[str]", fake_qemu: FakeQemu) -> None:
        self.folder = folder
        self.process = process
        self.fake_qemu = fake_qemu

    def wait_for(self, there: Callable[[], object]) -> None:
        until = time.monotonic() + _PATIENCE_S
        while not there():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)

    def ended(self) -> tuple[int, list[str]]:
        """Its exit status and its lines."""
        out, errors = self.process.communicate(timeout=_PATIENCE_S)
        assert out == ""
        return self.process.returncode, errors.splitlines()

    @property
    def left(self) -> list[Path]:
        """The VM's folder if it still exists."""
        return list((self.folder / "runtime").iterdir())


@contextmanager
def _run(
    folder: Path,
    *arguments: str,
    manner: str = "obeys",
    window: str = "opens",
    program: str = "run_with_fake_window",
) -> Iterator[_Run]:
    fake_qemu = FakeQemu(folder)
    (folder / "runtime").mkdir()
    vm = [str(fake_qemu.program), "-name", manner, *_OWN_DEVICE]
    process = subprocess.Popen(
        [sys.executable, "-m", f"{_PROGRAMS}.{program}", window, "run", *arguments, "--", *vm],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(command.REPOSITORY), "XDG_RUNTIME_DIR": str(folder / "runtime")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield _Run(folder, process, fake_qemu)
    finally:
        # The VM first: it is in a session of its own, and would keep the pipes of a test that failed open.
        for child in _children(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.communicate()


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def test_closed_window_powers_the_guest_off(tmp_path: Path) -> None:
    with _run(tmp_path) as run:
        run.wait_for((tmp_path / "shown").exists)
        (folder,) = run.left
        assert re.fullmatch(rf"Pid\(pid=\d+, fd=None, console=None\) {folder}/qmp", (tmp_path / "shown").read_text())
        (tmp_path / "closed").touch()
        status, lines = run.ended()
        assert (status, run.fake_qemu.commands[-1], run.left) == (0, "system_powerdown", [])
        assert lines == ["mdevview: asked the guest to power off, waiting up to 60 s; Ctrl-C: at once"]


def test_vm_that_ends_by_itself_closes_the_window(tmp_path: Path) -> None:
    with _run(tmp_path, manner="") as run:
        run.wait_for((tmp_path / "shown").exists)
        pid = int(re.findall(r"pid=(\d+)", (tmp_path / "shown").read_text())[0])
        os.kill(pid, signal.SIGTERM)
        assert run.ended() == (0, [])


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (signal.SIGSEGV, "SIGSEGV"),
        (signal.SIGRTMIN, "SIGRTMIN"),
        (signal.SIGRTMIN + 1, "SIGRTMIN+1"),
        (signal.SIGRTMAX - 1, f"SIGRTMIN+{signal.SIGRTMAX - 1 - signal.SIGRTMIN}"),
        (signal.SIGRTMAX, "SIGRTMAX"),
    ],
)
def test_vm_that_crashes_is_a_failure(tmp_path: Path, number: int, name: str) -> None:
    with _run(tmp_path, manner="deaf") as run:
        run.wait_for((tmp_path / "shown").exists)
        pid = int(re.findall(r"pid=(\d+)", (tmp_path / "shown").read_text())[0])
        os.kill(pid, number)
        assert run.ended() == (1, [f"mdevview: the VM was killed by {name}"])
        assert run.left == []


@pytest.mark.parametrize("what", ["shut_down", "_end", "poll"])
def test_whatever_fails_at_the_end_the_terminal_is_restored_and_nothing_is_left(tmp_path: Path, what: str) -> None:
    with _run(tmp_path, window=what, program="run_failing_at_the_end") as run:
        status, lines = run.ended()
        assert status != 0
        assert lines[0] == "mdevview: no device"
        # The terminal was restored before the VM's folder was removed.
        assert (tmp_path / "restored").read_text() == "1"
        assert run.left == []
        assert what == "poll" or not Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists()


def test_vm_that_does_not_start_reports_it_itself(tmp_path: Path) -> None:
    """And no window opens."""
    with _run(tmp_path, manner="wrong", window="waits") as run:
        status, lines = run.ended()
        assert (status, lines[0]) == (1, "qemu: -foo: invalid option")
        assert lines[1].startswith("mdevview: the VM ended with status 1, its messages are above")
        assert not (tmp_path / "shown").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_before_the_window_opens_ends_the_vm(tmp_path: Path, number: signal.Signals) -> None:
    with _run(tmp_path, window="waits") as run:
        run.wait_for(run.fake_qemu.report.exists)
        run.process.send_signal(number)
        status, lines = run.ended()
        assert (status, lines[-1][:25], run.left) == (0, "mdevview: asked the guest", [])


def test_second_interrupt_ends_the_vm_at_once(tmp_path: Path) -> None:
    with _run(tmp_path, manner="deaf") as run:
        run.wait_for((tmp_path / "shown").exists)
        run.process.send_signal(signal.SIGINT)
        run.wait_for(lambda: "system_powerdown" in run.fake_qemu.commands)
        run.process.send_signal(signal.SIGINT)
        status, lines = run.ended()
        assert (status, run.fake_qemu.commands[-1]) == (0, "quit")
        assert lines[-1] == "mdevview: told QEMU to quit"


def test_vm_goes_on_with_keep_running(tmp_path: Path) -> None:
    with _run(tmp_path, "-v", "--keep-running", manner="") as run:
        run.wait_for((tmp_path / "shown").exists)
        run.process.send_signal(signal.SIGINT)
        # Standard error stays open, because the VM has it too.
        assert run.process.wait(_PATIENCE_S) == 0
        pid = int(re.findall(r"pid=(\d+)", (tmp_path / "shown").read_text())[0])
        os.kill(pid, 0)
        (folder,) = run.left
        assert (folder / "qmp").is_socket()
        os.kill(pid, signal.SIGTERM)
        _, (started, line) = run.ended()
        assert started.startswith("mdevview: INFO: app.vm.started_vm: starting ")
        # And no other line, for example that the VM was killed.
        assert line == f"mdevview: the VM goes on as process {pid}; 'mdevview view pid:{pid}' shows it again"


def test_mistakes_need_no_display() -> None:
    for arguments, says in (
        (["run"], "no command line of a VM; give it after --"),
        (["run", "--"], "no command line of a VM"),
        (["run", "--", "sudo", "qemu-system-x86_64"], "sudo cannot start the VM here"),
        (["run", "--", "qemu-system-x86_64", "-daemonize"], "--keep-running"),
        (["run", "--parent", "mbochs", "--", "qemu-system-x86_64"], "--type"),
        (["run", "--type", "small", "--uuid", "83b8", "--", "qemu-system-x86_64"], "no whole UUID"),
    ):
        done = command.run(*arguments, WAYLAND_DISPLAY="", DISPLAY="")
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert says in line
