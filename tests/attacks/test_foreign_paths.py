"""A path that another user's process names cannot stop the program: its file system may never answer.

The path here leads through /proc/PID/root to such a file system. A program that looks it up cannot even be killed.
"""

import errno
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.attacks.silent_file import Trap, first_line, program_beside, run_beside, silent_file

_IS_ROOT = os.geteuid() == 0
# Without root the trap is in a user namespace, and the kernel refuses a look into it from outside.
_PROBLEM = "the file system of the QMP socket {} does not answer" if _IS_ROOT else "permission to use the QMP socket {}"

# Without root the process in the trap has this user. Then the program is told that it has not.
_FOREIGN = """
    import os, sys, time
    from app.host import foreign_path
    from app.host.foreign_path import look
    from app.host.vm import Vm
    foreign_path.is_another_users = lambda *_: True
    foreign_path.LIMIT_S = 0.5
"""


@pytest.fixture
def trap() -> Iterator[Trap]:
    with silent_file() as trap:
        yield trap


def _path(trap: Trap) -> str:
    return f"/proc/{trap.pid}/root/dev/mnt/file"


def test_the_trap_holds_whoever_looks_at_the_path(trap: Trap) -> None:
    """Otherwise the tests below would prove nothing."""
    code = f"""
        import os
        print(1, flush=True)
        try:
            os.stat({_path(trap)!r})
        except PermissionError as error:
            sys.exit(error.errno)
    """
    with program_beside(trap, "import sys\n" + code.replace("\n        ", "\n")) as process:
        assert first_line(process) == "1\n"
        if _IS_ROOT:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
        else:
            assert process.wait(60) == errno.EACCES


def test_monitor_at_such_a_path_is_not_found(trap: Trap) -> None:
    """A hundred of them take no longer than one."""
    code = f"""{_FOREIGN}
    from app.vm import monitor_lookup
    monitor_lookup.LIMIT_S = 0.5
    arguments = ("-qmp", "unix:/dev/mnt/file,server") * 100
    print(monitor_lookup.find_monitor(Vm({trap.pid}, "qemu", None, ("qemu", *arguments))).reason)
    """
    status, output = run_beside(trap, code)
    assert (status, output.count("\n")) == (0, 1), output
    assert _PROBLEM.format(_path(trap)) in output


def test_monitor_whose_path_became_such_a_path_after_the_look(trap: Trap) -> None:
    """The monitor tells it, tries again, and is closed in time while it waits."""
    code = f"""{_FOREIGN}
    from app.qemu.qmp_address import UnixAddress
    from app.vm import qmp_socket
    from app.vm.monitor import ConnectionState
    from app.vm.monitor_timeouts import MonitorTimeouts
    from app.vm.qmp import open_monitor
    qmp_socket.LIMIT_S = 0.5
    monitor = open_monitor(
        UnixAddress({_path(trap)!r}), lambda: None, MonitorTimeouts(retry_delays=(0.0,)), owner={trap.pid}
    )
    while monitor.status.state is not ConnectionState.LOST:
        time.sleep(0.01)
    print(monitor.status.detail)
    monitor.close()
    monitor._thread.join()
    """
    status, output = run_beside(trap, code)
    assert (status, output.count("\n")) == (0, 1), output
    assert _PROBLEM.format(_path(trap)) in output


def test_children_that_wait_for_such_a_path_are_few(trap: Trap) -> None:
    code = f"""{_FOREIGN}
    from app.host import foreign_child
    foreign_path.LIMIT_S, foreign_child._ENDING_S = 0.5, 0.01
    for _ in range(20):
        try:
            look({_path(trap)!r}, {trap.pid})
        except (TimeoutError, PermissionError):
            pass
    print(len(open("/proc/self/task/%d/children" % os.getpid()).read().split()))
    """
    status, output = run_beside(trap, code)
    assert status == 0, output
    assert int(output) == (4 if _IS_ROOT else 0)


def test_vms_folder_of_fetch_records_at_such_a_path(trap: Trap) -> None:
    code = f"""{_FOREIGN}
    from pathlib import Path
    from app.host.paths import Paths
    from app.vfio.fetch_record import namespace_difference
    try:
        print(namespace_difference({trap.pid}, Paths(dev=Path("/dev/mnt"))))
    except PermissionError as error:
        print(error)
    """
    status, output = run_beside(trap, code)
    assert status == 0, output
    assert ("it is unknown whether its VM shares /dev/mnt/shm" in output) is _IS_ROOT
