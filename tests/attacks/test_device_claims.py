"""A file's name makes it no VFIO device: nothing is asked of a file, and it is not even duplicated, before the kernel
has told what it is. The file here looks like a device in /proc, and its file system never answers. A program that calls
fstat(), ioctl() or close() on it cannot even be killed.
"""

import ast
import errno
import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.attach import duplicates, request_text
from app.attach.duplicates import ProcessAccess, duplicate_devices
from app.attach.helper_fds import ReceivedFd
from app.errors import OpenFailed
from app.host import vfio_file
from app.host.process import Process
from tests.packaging.getfd import HELPER, ask
from tests.unit.hosts import Host
from tests.unit.vms import device_of, vfio_class_of, vms_on

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60


@dataclass(frozen=True)
class _Trap:
    """The process and its two fds of the file, and the process that serves the file system."""

    pid: int
    fds: tuple[int, int]
    server: subprocess.Popen[str]


@pytest.fixture
def trap() -> Iterator[_Trap]:
    command = [sys.executable, "-m", "tests.attacks.programs.silent_fuse"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            pid, first, second = map(int, server.stdout.readline().split())
            assert os.readlink(f"/proc/{pid}/fd/{first}") == "/dev/vfio/devices/vfio0"  # noqa: PTH115
            yield _Trap(pid, (first, second), server)
        finally:
            server.kill()


@contextmanager
def _program(trap: _Trap, code: str, *fds: int) -> Iterator[subprocess.Popen[str]]:
    """Run code in a process of its own. When the server is killed, the kernel ends every wait for it."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=fds,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
            if process.poll() is None:
                time.sleep(0.1)
                trap.server.kill()


def _run(trap: _Trap, code: str) -> tuple[int, str]:
    with _program(trap, code) as process:
        try:
            output, _ = process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            pytest.fail("it waits for a foreign file system")
        return process.returncode, output


_MDEVVIEW = """
    import sys
    from app.attach import duplicates
    from ui.cli.main import main
    if {trusted}:
        duplicates._is_another_users = lambda pid: False
    sys.exit(main({arguments!r}))
"""


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], _PATIENCE_S)[0], "it waits for a foreign file system"
    return process.stdout.readline()


def test_the_trap_holds_whoever_asks_the_file(trap: _Trap) -> None:
    """Otherwise the tests below would prove nothing."""
    code = f"""
        import os
        from app.abi.pidfd import pidfd_getfd
        fd = pidfd_getfd(os.pidfd_open({trap.pid}), {trap.fds[0]})
        print(1, flush=True)
        os.close(fd)
    """
    with _program(trap, code) as process:
        assert _first_line(process) == "1\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)


@pytest.mark.parametrize("trusted", [False, True])
def test_viewer_of_a_process_with_such_a_file(trap: _Trap, trusted: bool) -> None:
    """A process of another user, and one of the viewer's own user."""
    for target in (f"pid:{trap.pid}", f"pid:{trap.pid},fd={trap.fds[0]}"):
        arguments = ["screenshot", target, "-o", os.devnull, "--helper", "never"]
        status, output = _run(trap, _MDEVVIEW.format(arguments=arguments, trusted=trusted))
        assert (status, output.count("\n")) == (3, 1), output
        assert "VFIO device" in output


def test_helper_of_root_with_such_a_file(trap: _Trap) -> None:
    assert ask(trap.pid)["refused"] == f"process {trap.pid} is no VMM: it has no VFIO device open"
    assert ask(trap.pid, trap.fds[0])["refused"] == f"fd {trap.fds[0]} of process {trap.pid} is no VFIO device"


def test_such_a_file_exchanged_for_a_device_after_the_look(trap: _Trap) -> None:
    """The first look finds a device. The duplicate, which cannot be closed, stays outside the program."""
    code = f"""
        from pathlib import Path
        from app.attach import duplicates
        from app.attach.duplicates import ProcessAccess, duplicate_devices
        from app.host.paths import HOST
        from app.host.process import Process
        from app.host.scanned_process import ScannedProcess
        duplicates._is_another_users = lambda pid: True
        scanned = ScannedProcess({trap.pid}, "vm", command_line=b"vm", fds={trap.fds})
        access = ProcessAccess(vfio_class=lambda path: ("vfio-dev", "vfio0"))
        with Process.open({trap.pid}) as process:
            print(duplicate_devices(process, scanned, None, HOST, access).devices)
    """
    assert _run(trap, code) == (0, "[]\n")


def test_file_of_another_users_process_is_duplicated_outside(trap: _Trap) -> None:
    assert os.geteuid() != 0 or duplicates._is_another_users(trap.pid)
    assert not duplicates._is_another_users(os.getpid())


def test_such_a_file_as_an_inherited_fd(trap: _Trap) -> None:
    code = f"""
        import os
        from app.abi.pidfd import pidfd_getfd
        from app.attach.device_node import device_from_fd
        from app.errors import UsageError
        fd = pidfd_getfd(os.pidfd_open({trap.pid}), {trap.fds[0]})
        try:
            device_from_fd(fd)
        except UsageError as error:
            print(error, flush=True)
        # The end of this process closes the fd, and waits.
        import time
        time.sleep(1000)
    """
    with _program(trap, code) as process:
        assert "is no VFIO device: it is /dev/vfio/devices/vfio0" in _first_line(process)


def test_such_a_file_in_the_place_of_a_node(trap: _Trap) -> None:
    code = f"""
        import os
        from pathlib import Path
        from app.host.vfio_file import open_node
        try:
            open_node(Path("/proc/{trap.pid}/root/dev/vfio/devices/vfio0"), os.O_RDWR)
        except OSError as error:
            print(error.errno)
    """
    assert _run(trap, code) == (0, f"{errno.ENODEV}\n")


def test_another_device_in_the_place_of_a_node(tmp_path: Path) -> None:
    """A node of VFIO under another name, or another node under its name."""
    for name in ("vfio", "vfio0", "7", "iommu"):
        (tmp_path / name).symlink_to("/dev/null")
        with pytest.raises(OSError, match=os.strerror(errno.ENODEV)):
            vfio_file.open_node(tmp_path / name, os.O_RDWR)
    with pytest.raises(FileNotFoundError):
        vfio_file.open_node(tmp_path / "none", os.O_RDWR)


def test_helper_and_kernel_contradict_each_other(tmp_path: Path) -> None:
    """The fd that came as one device is another: its picture is not shown under the wrong name."""
    for vms in vms_on(Host(tmp_path)):
        child = vms.start("qemu-system-x86", ["qemu-system-x86_64"], ["mbochs"])

        def request(pid: int, _: int | None) -> list[ReceivedFd]:
            with Process.open(pid) as process:
                own = process.duplicate(child.fds[0])  # noqa: B023
            return [ReceivedFd(child.fds[0], own, "", device="0000:00:02.0")]  # noqa: B023

        access = ProcessAccess(
            request, device=device_of, vfio_class=vfio_class_of, device_name=lambda _: "0000:00:03.0"
        )
        with (
            Process.open(child.pid) as process,
            pytest.raises(OpenFailed, match=r"helper says that fd \d+ of .* is 0000:00:02.0, and the kernel .*:03.0"),
        ):
            duplicate_devices(process, None, None, vms.host.paths, access)


def test_helper_and_viewer_have_the_same_functions() -> None:
    """The helper imports nothing of the program, so it has copies."""

    def functions(file: Path) -> dict[str, str]:
        found = (each for each in ast.parse(file.read_text()).body if isinstance(each, ast.FunctionDef))
        return {each.name: ast.dump(each) for each in found}

    helper = functions(HELPER)
    shared = ("call", "device_number", "vfio_class", "device_name", "clean", "owner", "own_name")
    program = functions(Path(vfio_file.__file__)) | functions(Path(request_text.__file__))
    assert {each: helper[each] for each in shared} == {each: program[each] for each in shared}
