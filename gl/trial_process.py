"""One import trial: a short-lived process that may die or hang, and the thread that watches it.

The process gets the dma-buf and no other fd of this program. It is in a session of its own, so that Ctrl-C in the
terminal does not look like a crash. The limits are kept here and not by the process: a driver may block its signals.
"""

import contextlib
import errno
import fcntl
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from app.errors import error_text
from app.host.reaping import reap_ended
from app.text.clean import clean
from gl.trial_record import TrialAnswer, TrialEnd

_log = logging.getLogger(__name__)

_LOOK_S = 0.02
_PATIENCE_AFTER_KILL_S = 2.0
_PATIENCE_AT_CANCEL_S = 0.5
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Signals that come from a user, a service manager, a limit or the kernel's out-of-memory killer. They say nothing of
# a driver.
_FROM_OUTSIDE = frozenset(
    (
        *(signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM),
        # The limits of a shell or a service (setrlimit(2)).
        *(signal.SIGXCPU, signal.SIGXFSZ),
    )
)
# Processes that did not end after SIGKILL, because a driver keeps them in the kernel.
_stuck: list["subprocess.Popen[bytes]"] = []

# The lines of a trial for evidence, see :mod:`gl.trial_child`.
IMAGE_MADE = "image:made"
NOTE = "note:"
RESULT = "result:"
_EVIDENCE = tuple(each.encode() for each in ("image:", NOTE, RESULT))

COMMAND = (sys.executable, "-P", "-m", "gl.trial_child")


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """What a trial may use. ``start_s``: until it has opened the display, which also loads Python and the libraries.

    ``import_s``: from then on, or ``starts`` times as long as the start took if that is more. The import takes about
    as long as the start, so a busy or emulated machine does not look like a hang. ``memory`` is its resident size and
    ``output`` what it may print, in bytes.
    """

    start_s: float = 60.0
    import_s: float = 10.0
    starts: float = 10.0
    memory: int = 768 << 20
    output: int = 4096


class TrialFailed(Exception):
    """The trial could not be made, or was ended from outside. The message says why; nothing is known of the driver."""


class TrialUnlike(Exception):
    """The process cannot reach the driver in question, so that it can try nothing."""


class TrialProcess:
    """A running trial of the import of ``fd``, which the caller keeps. Nothing here blocks but :meth:`wait`.

    When it is :attr:`done`, ``answer`` or ``failure`` is set. ``ended`` is called with the answer before, in the
    watching thread.
    """

    def __init__(
        self,
        request: str,
        fd: int,
        limits: TrialLimits,
        ended: Callable[[TrialAnswer], object],
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Raises OSError when this process has no fd left."""
        self._request = request
        self._limits = limits
        self._ended = ended
        self._command = command
        self._cancelled = threading.Event()
        self.answer: TrialAnswer | None = None
        self.failure: TrialFailed | TrialUnlike | None = None
        # Not 0, 1 or 2, which the process gets otherwise.
        self._fd = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        # The kernel ends the process with the thread that started it, so this thread lives as long as the process.
        self._thread = threading.Thread(target=self._run, name="import-trial", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            os.close(self._fd)
            raise OSError(errno.EAGAIN, str(error)) from error

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Wait until the trial has ended; its limits bound this."""
        self._thread.join()

    def cancel(self) -> None:
        """End the trial without an answer; more calls do nothing. Does not wait for a process that cannot be killed."""
        self._cancelled.set()
        self._thread.join(_PATIENCE_AT_CANCEL_S)

    def _run(self) -> None:
        try:
            self.answer = self._try()
        except (TrialFailed, TrialUnlike) as error:
            self.failure = error
        except (OSError, MemoryError) as error:
            self.failure = TrialFailed(f"its process cannot be watched: {error}")
        else:
            self._ended(self.answer)

    def _try(self) -> TrialAnswer:
        try:
            reap_ended(_stuck)
            process = self._spawn()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            text = error_text(error) if isinstance(error, OSError) else str(error)
            raise TrialFailed(f"its process cannot be started: {text}") from error
        finally:
            os.close(self._fd)
        assert process.stdout is not None
        with process.stdout:
            try:
                output = self._watch(process, process.stdout.fileno())
            finally:
                _end(process)
        return _answer(process.returncode, output) if isinstance(output, bytes) else output

    def _spawn(self) -> "subprocess.Popen[bytes]":
        arguments = [*self._command, self._request, str(self._fd), str(os.getpid())]
        path = os.pathsep.join(each for each in sys.path if each)
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
            pass_fds=(self._fd,),
            start_new_session=True,
        )

    def _watch(self, process: "subprocess.Popen[bytes]", stdout: int) -> bytes | TrialAnswer:
        """Wait for the end of the process: what it printed, or the limit that it reached. Raises TrialFailed."""
        limits, output, closed, ready = self._limits, b"", False, False
        began, allowed = time.monotonic(), limits.start_s
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        while True:
            if closed:
                time.sleep(_LOOK_S)
            elif poll.poll(_LOOK_S * 1000):
                chunk = os.read(stdout, limits.output + 1)
                output += chunk
                closed = not chunk
            ended = _has_ended(process)
            if len(output) > limits.output:
                return TrialAnswer(TrialEnd.OUTPUT, f"the trial printed more than {limits.output} bytes")
            if ended and (closed or not poll.poll(0)):
                return output
            if not ready and b"ready\n" in output:
                now = time.monotonic()
                ready, began, allowed = True, now, max(limits.import_s, limits.starts * (now - began))
            if self._cancelled.is_set():
                raise TrialFailed("it was cancelled")
            if time.monotonic() >= began + allowed:
                return TrialAnswer(TrialEnd.TIME, f"the trial did not end within {allowed:.3g} s")
            if _resident(process.pid) > limits.memory:
                return TrialAnswer(TrialEnd.MEMORY, f"the trial used more than {limits.memory >> 20} MiB of memory")


def _answer(status: int, output: bytes) -> TrialAnswer:
    """What a process means that ended by itself. Raises TrialFailed and TrialUnlike.

    Before it is ready it has imported nothing. Its end is no answer then: Python or a library may lack memory, fds or a
    file, or a limit of this user was reached.
    """
    lines = output.split()
    said = tuple(_text(each) for each in lines if each.startswith(_EVIDENCE))
    words = [each for each in lines if not each.startswith(_EVIDENCE)]
    if status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        if -status in _FROM_OUTSIDE:
            raise TrialFailed(f"it was ended by {name}")
        if words[:1] != [b"ready"]:
            raise TrialFailed(f"it was ended by {name} before the import")
        return TrialAnswer(TrialEnd.SIGNAL, f"the trial was ended by {name}", said)
    if status == 0 and words == [b"unlike"]:
        raise TrialUnlike("another process cannot open this display")
    if status == 0 and words and words[-1].startswith(b"failed:"):
        raise TrialFailed(f"its process failed: {_text(words[-1][7:])}")
    if status == 0 and words == [b"ready", b"survived"]:
        return TrialAnswer(TrialEnd.SURVIVED, said=said)
    if status and not words:
        raise TrialFailed(f"its process ended with status {status} before the import")
    answer = "without an answer" if words in ([], [b"ready"]) else "with a wrong answer"
    return TrialAnswer(TrialEnd.STATUS, f"the trial ended with status {status} and {answer}", said)


def _text(word: bytes) -> str:
    """What a process says, which a driver may have changed."""
    return clean(unquote(word.decode("ascii", "replace")))


def _resident(pid: int) -> int:
    """The resident memory of a process, in bytes (proc(5), statm). 0 when it has ended."""
    try:
        with Path(f"/proc/{pid}/statm").open("rb") as file:
            return int(file.read(256).split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the process has ended. It is not reaped yet, so no other group gets its number."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        # This program ignores SIGCHLD, so the kernel has reaped it.
        return process.poll() is not None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the process and its children, and reap it unless the kernel holds it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_PATIENCE_AFTER_KILL_S)
    except subprocess.TimeoutExpired:
        _log.warning("process %d, an import trial, does not end: a driver keeps it in the kernel", process.pid)
        _stuck.append(process)
