"""One exchange with a helper that runs as root: the viewer's side of the programs in ``packaging/helper``.

The viewer itself always runs with its user's permissions. It starts an installed helper through pkexec or sudo. The
helper's standard input is one end of a socket pair, because both programs pass on no other file. The helper checks the
request and answers with one message. The users of the received fds check them again.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from app.attach import helper_answer
from app.attach.helper_fds import HelperTimeout
from app.attach.helper_installation import HelperCommand
from app.attach.terminal_modes import TerminalModes
from app.errors import MdevviewError, OpenFailed, PermissionDenied, error_text
from app.host.reaping import reap_ended
from app.text.clean import clean_line

if TYPE_CHECKING:
    import subprocess

# The time for pkexec or sudo to end after the helper's answer, or after its socket was closed.
_ENDING_S = 2.0
# The time for an answer after the permission was given. The helper itself gives up after 10 s, unless it is stopped.
_ANSWER_S = 20.0
_CHECK_MS = 500

_Result = TypeVar("_Result")


class HelperExchange(Generic[_Result]):
    """One request to a helper: ``start()``, then ``result()`` once ``is_done()``.

    ``command`` makes the command line, or raises PermissionDenied. ``accept`` makes the result of the helper's message,
    its fds, which then belong to the result, and the flags of recvmsg(2). If it raises an error, the fds are closed.
    ``to_do`` says in errors what there is no permission to do: "look into process 5".

    Owns the socket and the child. :meth:`cancel` may be called at any time, and more calls of it do nothing.
    """

    def __init__(
        self, to_do: str, command: Callable[[], HelperCommand], accept: Callable[[bytes, list[int], int], _Result]
    ) -> None:
        self._to_do = to_do
        self._command = command
        self._accept = accept
        self._helper = Path()
        self._socket: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr = -1
        self._program = ""
        self._limit_s: float | None = None
        self._limited_since: float | None = None
        self._terminal: TerminalModes | None = None

    def start(self) -> None:
        """Start the helper. Raises PermissionDenied if it cannot be started, OpenFailed if no fd is left."""
        import subprocess  # noqa: PLC0415  (most commands do not need it)

        command = self._command()
        self._program, self._limit_s, self._helper = command.program, command.limit_s, command.helper
        reap()
        with ExitStack() as opened:
            if self._program == "sudo" and self._limit_s is None:
                self._terminal = TerminalModes()
                opened.callback(self._terminal.restore)
            try:
                own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                opened.callback(own.close)
                opened.callback(theirs.close)
                # A memfd, because somebody would have to read a pipe.
                stderr = os.memfd_create("stderr", os.MFD_CLOEXEC)
                opened.callback(os.close, stderr)
            except OSError as error:
                raise OpenFailed(f"the helper cannot be asked: {error_text(error)}", "try again") from error
            try:
                self._child = subprocess.Popen(
                    command.arguments,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    env=_environment(),
                    cwd="/",
                )
            except OSError as error:
                raise PermissionDenied(
                    f"{command.arguments[0]} cannot be run: {error.strerror}", "see 'mdevview doctor'"
                ) from error
            if self._limit_s is not None:
                self._limited_since = time.monotonic()
            own.setblocking(False)
            self._socket, self._stderr = own, stderr
            opened.pop_all()
        theirs.close()

    def fileno(self) -> int:
        """A fd that is readable after the answer, or after the end of the helper; -1 if no request is running."""
        return -1 if self._socket is None else self._socket.fileno()

    @property
    def limit_s(self) -> float | None:
        """The time limit for an answer in seconds; None if a person may be typing a password."""
        return self._limit_s

    def is_done(self) -> bool:
        """Whether :meth:`result` has something to tell: an answer, the helper's end, or that it is overdue."""
        return bool(self._poll(0)) or self._is_overdue()

    def wait(self, cancel_fd: int = -1) -> None:
        """Block until :meth:`is_done`.

        Cancels the request and raises PermissionDenied if ``cancel_fd`` is readable before.
        """
        while not (ready := self._poll(_CHECK_MS, cancel_fd)) and not self._is_overdue():
            pass
        if cancel_fd in ready:
            self.cancel()
            raise PermissionDenied(f"the request to {self._to_do} was cancelled", "try again")

    def result(self) -> _Result:
        """What the helper sent, which belongs to the caller.

        Raises the errors of ``accept``, PermissionDenied, OpenFailed, HelperTimeout if the request is overdue, which
        cancels it, and BlockingIOError if there is no answer yet.
        """
        if self._socket is None:
            raise ValueError("not started")
        try:
            message, fds, flags = helper_answer.receive_answer(self._socket)
        except BlockingIOError:
            if not self._is_overdue():
                raise
            self.cancel()
            limit_s = self._answer_limit_s
            raise HelperTimeout(f"the helper gave no answer in {limit_s:g} s", "try again from a terminal") from None
        except OSError as error:
            self.cancel()
            raise OpenFailed(f"the helper's answer cannot be received: {error_text(error)}", "try again") from error
        with ExitStack() as owned:
            for each in fds:
                owned.callback(os.close, each)
            try:
                if not message and not fds:
                    raise self._no_answer()
                self._wait_for_end()
                received = self._accept(message, fds, flags)
            finally:
                self.cancel()
            owned.pop_all()
            return received

    def cancel(self) -> None:
        """Cancel the request and close everything, without waiting. A password dialog or prompt disappears."""
        if self._socket is not None:
            # A helper that starts only now finds the socket closed and sends nothing.
            self._socket.close()
            self._socket = None
        stderr, self._stderr = self._stderr, -1
        if stderr >= 0:
            os.close(stderr)
        child, self._child = self._child, None
        if child is not None and child.poll() is None:
            # While it asks for a password, its real user is this one. Later it is root's process, and ends by itself.
            with suppress(PermissionError):
                # Both do nothing to a child that has just ended. A stopped one ends when it goes on.
                child.terminate()
                child.send_signal(signal.SIGCONT)
            _unreaped.append(child)
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            terminal.restore()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def _poll(self, timeout_ms: float, cancel_fd: int = -1) -> set[int]:
        poll = select.poll()
        for each in (self.fileno(), cancel_fd):
            if each >= 0:
                poll.register(each, select.POLLIN)
        return {fd for fd, _ in poll.poll(min(timeout_ms, self._answer_limit_s * 1000))}

    @property
    def _answer_limit_s(self) -> float:
        return _ANSWER_S if self._limit_s is None else self._limit_s

    def _is_overdue(self) -> bool:
        """Whether no answer came in time. The time of a person who may be typing a password does not count.

        The permission is seen by this call only, so call it again and again.
        """
        now = time.monotonic()
        if self._limit_s is None:
            self._limited_since = (self._limited_since or now) if self._is_permitted() else None
        return self._limited_since is not None and now - self._limited_since >= self._answer_limit_s

    def _is_permitted(self) -> bool:
        """Whether the helper was started: pkexec becomes the helper, with another real user; sudo has it as a child.

        False if the kernel hides root's processes (hidepid): then a person decides how long to wait.
        """
        assert self._child is not None
        folder = Path("/proc") / str(self._child.pid)
        try:
            status = (folder / "status").read_text(errors="replace")
            children = (folder / "task" / folder.name / "children").read_text()
        except OSError:
            return False
        uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
        return int(uid) != os.getuid() or bool(children.strip())

    def _wait_for_end(self) -> int | None:
        """The exit status of pkexec or sudo; None if it does not end soon."""
        import subprocess  # noqa: PLC0415

        assert self._child is not None
        with suppress(subprocess.TimeoutExpired):
            return self._child.wait(_ENDING_S)
        return None

    def _no_answer(self) -> MdevviewError:
        """Why the helper, or the program that was to start it, ended without an answer."""
        status = self._wait_for_end()
        lines = os.pread(self._stderr, 4096, 0).decode("utf-8", "replace").split("\n")
        lines = [clean_line(each) for each in lines if each.strip()] or ["no reason given"]
        # The last line of pkexec is "This incident has been reported."; that of sudo and Python is the reason.
        because = f": {lines[0 if self._program == 'pkexec' else -1]}"
        if self._program == "pkexec" and status == 126:
            return PermissionDenied(f"no permission to {self._to_do}: dialog dismissed", "try again")
        if self._program == "pkexec" and status == 127:
            return PermissionDenied(
                f"pkexec gave no permission to {self._to_do}{because}",
                "is a polkit agent running in your session? --helper sudo asks at the terminal",
            )
        if self._program == "sudo" and "standard input is no socket" in because:
            # With log_input sudo puts a pipe in its place (exec_pty.c).
            return PermissionDenied(
                f"sudo does not pass on the socket for the answer{because}",
                f"add to sudoers 'Defaults!{self._helper} !log_input', or use --helper pkexec",
            )
        if self._program == "sudo" and status == 1:
            return PermissionDenied(
                f"sudo gave no permission to {self._to_do}{because}",
                "run mdevview from a terminal, where sudo can ask" if self._limit_s else "or try --helper pkexec",
            )
        return OpenFailed(f"the helper ended without an answer (status {status}){because}", "see 'mdevview doctor'")


# Children of requests that have ended before their child.
_unreaped: "list[subprocess.Popen[bytes]]" = []


def reap() -> None:
    """Reap the children of earlier requests that have ended by now."""
    reap_ended(_unreaped)


def _environment() -> dict[str, str]:
    """The variables that pkexec and sudo need to talk to a person; no others of this user."""
    kept = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "TERM")
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **{key: os.environ[key] for key in kept if key in os.environ}}
