"""A file's name makes it no VFIO device: nothing is asked of a file, and it is not even duplicated, before the kernel
has told what it is. The file here looks like a device in /proc, and its file system never answers. A program that calls
fstat(), ioctl() or close() on it cannot even be killed.
"""

import ast
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.attach import request_text
from app.attach.duplicates import ProcessAccess, duplicate_devices
from app.attach.helper_fds import ReceivedFd
from app.errors import OpenFailed
from app.host import vfio_file
from app.host.process import Process, is_another_users
from tests.attacks.silent_file import Trap, first_line, program_beside, run_beside, silent_file
from tests.packaging.getfd import HELPER, ask
from tests.unit.hosts import Host
from tests.unit.vms import device_of, vfio_class_of, vms_on


@pytest.fixture
def trap() -> Iterator[Trap]:
    with silent_file() as trap:
        yield trap


_MDEVVIEW = """
    import sys
    from app.attach import duplicates
    from ui.cli.main import main
    if {trusted}:
        duplicates.is_another_users = lambda pid: False
    sys.exit(main({arguments!r}))
"""


def test_the_trap_holds_whoever_asks_the_file(trap: Trap) -> None:
    """Otherwise the tests below would prove nothing."""
    code = f"""
        import os
        from app.abi.pidfd import pidfd_getfd
        fd = pidfd_getfd(os.pidfd_open({trap.pid}), {trap.fds[0]})
        print(1, flush=True)
        os.close(fd)
    """
    with program_beside(trap, code) as process:
        assert first_line(process) == "1\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)


@pytest.mark.parametrize("trusted", [False, True])
def test_viewer_of_a_process_with_such_a_file(trap: Trap, trusted: bool) -> None:
    """A process of another user, and one of the viewer's own user."""
    for target in (f"pid:{trap.pid}", f"pid:{trap.pid},fd={trap.fds[0]}"):
        arguments = ["screenshot", target, "-o", os.devnull, "--helper", "never"]
        status, output = run_beside(trap, _MDEVVIEW.format(arguments=arguments, trusted=trusted))
        assert (status, output.count("\n")) == (3, 1), output
        assert "VFIO device" in output


def test_helper_of_root_with_such_a_file(trap: Trap) -> None:
    assert ask(trap.pid)["refused"] == f"process {trap.pid} is no VMM: it has no VFIO device open"
    assert ask(trap.pid, trap.fds[0])["refused"] == f"fd {trap.fds[0]} of process {trap.pid} is no VFIO device"


def test_such_a_file_exchanged_for_a_device_after_the_look(trap: Trap) -> None:
    """The first look finds a device. The duplicate, which cannot be closed, stays outside the program."""
    code = f"""
        from pathlib import Path
        from app.attach import duplicates
        from app.attach.duplicates import ProcessAccess, duplicate_devices
        from app.host.paths import HOST
        from app.host.process import Process, is_another_users
        from app.host.scanned_process import ScannedProcess
        duplicates.is_another_users = lambda pid: True
        scanned = ScannedProcess({trap.pid}, "vm", command_line=b"vm", fds={trap.fds})
        access = ProcessAccess(vfio_class=lambda path: ("vfio-dev", "vfio0"))
        with Process.open({trap.pid}) as process:
            print(duplicate_devices(process, scanned, None, HOST, access).devices)
    """
    assert run_beside(trap, code) == (0, "[]\n")


def test_file_of_another_users_process_is_duplicated_outside(trap: Trap) -> None:
    assert os.geteuid() != 0 or is_another_users(trap.pid)
    assert not is_another_users(os.getpid())


def test_such_a_file_as_an_inherited_fd(trap: Trap) -> None:
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
    with program_beside(trap, code) as process:
        assert "is no VFIO device: it is /dev/vfio/devices/vfio0" in first_line(process)


def test_such_a_file_in_the_place_of_a_node(trap: Trap) -> None:
    code = f"""
        import os
        from pathlib import Path
        from app.host.vfio_file import open_node
        try:
            open_node(Path("/proc/{trap.pid}/root/dev/vfio/devices/vfio0"), os.O_RDWR)
        except OSError as error:
            print(error.errno)
    """
    assert run_beside(trap, code) == (0, f"{errno.ENODEV}\n")


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
            return [ReceivedFd(child.fds[0], own, device="0000:00:02.0")]  # noqa: B023

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
