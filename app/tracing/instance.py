"""A trace instance of our own: a folder of tracefs with its own events, clock and buffers.

It must not outlive this program, because its events cost every process of the host some time. So a process of its own
removes it after a crash or SIGKILL, and the next start removes what even that one left behind, as after a kill of all
processes at once. The kernel does not remove an instance while one of its files is open.
"""

import errno
import logging
import os
import re
import secrets
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from app.tracing.tracefs import refused

_log = logging.getLogger(__name__)

_PROGRAM = Path(__file__).with_name("instance_guard_program.py")
_NAME = re.compile(r"mdevview-([1-9][0-9]{0,9})-[0-9a-f]{8}")
_REMOVE_TRIES = 50
_PAUSE_S = 0.02


class TraceInstance:
    """Owns the folder and the process that guards it. Files of the folder must be closed before :meth:`close`."""

    def __init__(self, folder: Path, guard: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._guard: subprocess.Popen[bytes] | None = guard

    @classmethod
    def create(cls, tracefs: Path) -> "TraceInstance":
        """Make the folder. Raises MdevviewError if this user may not."""
        instances = tracefs / "instances"
        remove_left_instances(instances)
        folder = instances / f"mdevview-{os.getpid()}-{secrets.token_hex(4)}"
        # First the guard: nothing may happen between it and the folder.
        guard = _start_guard(folder)
        try:
            folder.mkdir()
        except OSError as error:
            _end_guard(guard)
            raise refused(f"a trace instance cannot be made in {instances}", error) from error
        return cls(folder, guard)

    def write(self, name: str, text: str) -> None:
        """Write to a file of the folder, without emptying it. Raises OSError."""
        fd = os.open(self.folder / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode("ascii"))
        finally:
            os.close(fd)

    def read(self, name: str) -> str:
        """A file of the folder. Raises OSError."""
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """Remove the folder; more calls do nothing. If it is in use, the guard tries a while longer."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        try:
            _remove(self.folder)
        except OSError as error:
            _log.warning("the trace instance %s cannot be removed yet: %s", self.folder, error.strerror)
            assert guard.stdin is not None
            guard.stdin.close()
            # It is not waited for. Popen complains when such a process is forgotten.
            guard.returncode = 0
            return
        _end_guard(guard)


def remove_left_instances(instances: Path) -> None:
    """Remove the instances of programs that have ended. What cannot be removed stays."""
    with suppress(OSError):
        for each in instances.iterdir():
            name = _NAME.fullmatch(each.name)
            if name is not None and not _exists(int(name[1])):
                with suppress(OSError):
                    each.rmdir()
                    _log.info("removed %s, which an earlier run had left", each)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _remove(folder: Path) -> None:
    """Remove the folder. Another program may look into it for a moment. Raises OSError."""
    for last in (*[False] * _REMOVE_TRIES, True):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if last or error.errno != errno.EBUSY:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _start_guard(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-ISB", str(_PROGRAM), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )


def _end_guard(guard: subprocess.Popen[bytes]) -> None:
    """There is nothing to remove any more."""
    guard.kill()
    assert guard.stdin is not None
    guard.stdin.close()
    guard.wait()
