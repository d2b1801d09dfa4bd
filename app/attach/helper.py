"""Asking root for the VFIO fds of another user's VM: the viewer's side of ``packaging/helper/mdevview-getfd``.

The viewer itself never runs with more rights than its user has. It starts the installed helper through pkexec or sudo
with one end of a socket pair as standard input, the one file that both pass on; the helper checks what it was asked
for and answers with one message. What it hands over is checked again by those who use it.
"""

import array
import json
import os
import select
import socket
import stat
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from app.attach.helper_fds import HandedFd, HelperWay
from app.errors import MdevviewError, NoSuchDevice, OpenFailed, PermissionDenied, ProcessGone

if TYPE_CHECKING:
    import subprocess

HELPER = Path("/usr/libexec/mdevview-getfd")
ACTION = Path("/usr/share/polkit-1/actions/io.github.mdevview.getfd.policy")
INSTALL = "sudo sh packaging/helper.sh install"

# As in the helper: more than a VM has, less than the kernel passes in one message (SCM_MAX_FD is 253).
MAX_FDS = 64
_MAX_MESSAGE = 1 << 16
# Where nobody can be asked for a password. The helper itself gives up after 10 s.
_UNATTENDED_S = 60.0
# From the helper's answer, or from the end of everyone who could give one, to the end of pkexec or sudo.
_ENDING_S = 2.0


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a password could be typed: at a controlling terminal, in a dialog of the desktop."""

    keys: bool
    desktop: bool

    @classmethod
    def look(cls) -> Self:
        # The dialog of a program that came over ssh would open on this host's own screen, if anywhere.
        desktop = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        return cls(_in_foreground(), bool(desktop) and "SSH_CONNECTION" not in os.environ)


def _in_foreground() -> bool:
    """Whether there is a controlling terminal whose keys go to this process and not to a shell."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


@dataclass(frozen=True, slots=True)
class Setup:
    """Where the programs are, and whose. Not searched in PATH: anyone may set that. A test has its own."""

    helper: Path = HELPER
    action: Path = ACTION
    folders: tuple[Path, ...] = (Path("/usr/bin"), Path("/bin"), Path("/run/wrappers/bin"))
    owner: int = 0
    uid: Callable[[], int] = os.geteuid
    terminal: Callable[[], Terminal] = Terminal.look

    def program(self, name: str) -> Path | None:
        return next((each / name for each in self.folders if os.access(each / name, os.X_OK)), None)


INSTALLED = Setup()


def fault_of(file: Path, owner: int = 0) -> str | None:
    """Why a file is not to be run as root: others than root could have changed it. None when nothing is wrong.

    Raises OSError when it cannot be looked at, FileNotFoundError when it is not there.
    """
    if not stat.S_ISREG(file.lstat().st_mode):
        return f"{file} is no regular file"
    for each in (file, *file.parents):
        info = each.stat()
        if info.st_uid not in (0, owner):
            return f"{each} belongs to user {info.st_uid}, not to root"
        # Where the sticky bit is set (/tmp) nobody can replace what is another's.
        shared = info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not (each != file and info.st_mode & stat.S_ISVTX)
        if shared:
            return f"others than root can write to {each} (mode {stat.S_IMODE(info.st_mode):04o})"
    if not os.access(file, os.R_OK | os.X_OK):
        return f"{file} cannot be run (mode {stat.S_IMODE(file.stat().st_mode):04o})"
    return None


def fetch(pid: int, fd: int | None = None, way: HelperWay = HelperWay.AUTO, setup: Setup = INSTALLED) -> list[HandedFd]:
    """Duplicates of the VFIO display device fds of a process, or of the one whose number there is ``fd``.

    Waits for as long as a person is asked for a password. Hold the process by its pidfd before, and see afterwards
    that it has not ended, or the pid may have been another's by the time the helper looked. Raises PermissionDenied,
    NoSuchDevice (no such fd, or none with a display), ProcessGone or OpenFailed.
    """
    with Asking(pid, fd, way, setup) as asking:
        asking.start()
        asking.wait()
        return asking.result()


class Asking:
    """One request to the helper: ``start()``, then ``result()`` once ``fileno()`` is readable.

    Owns the socket and the child; :meth:`cancel` ends both at any time, and more calls of it do nothing.
    """

    def __init__(
        self, pid: int, fd: int | None = None, way: HelperWay = HelperWay.AUTO, setup: Setup = INSTALLED
    ) -> None:
        self._pid = pid
        self._number = fd
        self._way = way
        self._setup = setup
        self._socket: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr = -1
        self._program = ""
        self._limit_s: float | None = None

    def start(self) -> None:
        """Start the helper. Raises PermissionDenied, with what would help, when there is no way to."""
        import subprocess  # noqa: PLC0415  (commands that never ask do not pay for it)

        command = self._command()
        _reap()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        # Not a pipe, which somebody would have to keep empty.
        self._stderr = os.memfd_create("stderr")
        with theirs:
            try:
                self._child = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=self._stderr,
                    env=_environment(),
                    cwd="/",
                )
            except OSError as error:
                self.cancel()
                raise PermissionDenied(
                    f"{command[0]} cannot be run: {error.strerror}", "see 'mdevview doctor'"
                ) from error

    def fileno(self) -> int:
        """A fd that is readable once there is an answer or nobody left to give one; -1 before and after."""
        return -1 if self._socket is None else self._socket.fileno()

    @property
    def limit_s(self) -> float | None:
        """How long an answer may take, in seconds; None where a person may be typing a password."""
        return self._limit_s

    def wait(self) -> None:
        """Block until ``fileno()`` is readable. Raises OpenFailed after ``limit_s``."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        if not poll.poll(None if self._limit_s is None else self._limit_s * 1000):
            self.cancel()
            raise OpenFailed(f"the helper gave no answer in {self._limit_s} s", "try again from a terminal")

    def result(self) -> list[HandedFd]:
        """What was handed over; it belongs to the caller. Raises as :func:`fetch`; BlockingIOError when too early."""
        if self._socket is None:
            raise ValueError("not under way")
        message, fds, flags = _receive(self._socket)
        with ExitStack() as owned:
            for each in fds:
                owned.callback(os.close, each)
            try:
                if not message and not fds:
                    raise self._silence()
                self._end(_ENDING_S)
                if flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC):
                    raise _nonsense("it was cut short")
                answer = parse(message, len(fds))
                if self._number is not None and answer.numbers != (self._number,):
                    raise _nonsense("it is about another fd")
                handed = [
                    HandedFd(number, each, _link_of(each), answer.groups)
                    for number, each in zip(answer.numbers, fds, strict=True)
                ]
            finally:
                self.cancel()
            owned.pop_all()
            return handed

    def cancel(self) -> None:
        """Give up and let go of everything. A password dialog or prompt goes away."""
        if self._socket is not None:
            # Should the helper come to run now, it finds nobody to hand anything to.
            self._socket.close()
            self._socket = None
        self._end(0)
        stderr, self._stderr = self._stderr, -1
        if stderr >= 0:
            os.close(stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def _command(self) -> list[str]:
        """What to run; notes which program that is, and how long it may take. Raises PermissionDenied."""
        setup, of = self._setup, f"process {self._pid} is closed to you"
        if self._way is HelperWay.NEVER:
            raise PermissionDenied(of, "see 'mdevview doctor', or leave out --helper never")
        if setup.uid() == 0:
            # What root was refused no helper gets: yama at 3, or a container without CAP_SYS_PTRACE.
            raise PermissionDenied(f"{of}, although you are root", "see 'mdevview doctor'")
        _check_helper(setup, of)
        terminal = setup.terminal()
        way = self._way if self._way is not HelperWay.AUTO else _best_way(setup, terminal, of)
        self._program = way.value
        program = setup.program(self._program)
        if program is None:
            raise PermissionDenied(
                f"{of}, and there is no {self._program}", "install it, or ask another way (--helper)"
            )
        options: tuple[str, ...] = ()
        if way is HelperWay.SUDO and terminal.keys:
            options = ("-p", f"mdevview asks for the display of process {self._pid}. Password of %p: ", "--")
        elif way is HelperWay.SUDO:
            options, self._limit_s = ("-n", "--"), _UNATTENDED_S
        number = () if self._number is None else (str(self._number),)
        return [str(program), *options, str(setup.helper), str(self._pid), *number]

    def _silence(self) -> MdevviewError:
        """Why everybody who could have answered ended without a word."""
        status = self._end(_ENDING_S)
        lines = os.pread(self._stderr, 4096, 0).decode("utf-8", "replace").split("\n")
        lines = [each.strip() for each in lines if each.strip()] or ["no reason given"]
        # pkexec ends with "This incident has been reported.", sudo and Python with the reason.
        because = f": {lines[0 if self._program == 'pkexec' else -1]}"
        if self._program == "pkexec" and status == 126:
            return PermissionDenied(f"no rights to look into process {self._pid} were given: dismissed", "try again")
        if self._program == "pkexec" and status == 127:
            return PermissionDenied(
                f"pkexec gave no rights to look into process {self._pid}{because}",
                "is a polkit agent running in your session? --helper sudo asks at the terminal",
            )
        if self._program == "sudo" and "standard input is no socket" in because:
            # With log_input sudo puts a pipe in its place (exec_pty.c).
            return PermissionDenied(
                f"sudo does not pass on the socket for the answer{because}",
                f"add to sudoers 'Defaults!{self._setup.helper} !log_input', or use --helper pkexec",
            )
        if self._program == "sudo" and status == 1:
            return PermissionDenied(
                f"sudo gave no rights to look into process {self._pid}{because}",
                "run mdevview from a terminal, where sudo can ask" if self._limit_s else "or try --helper pkexec",
            )
        return OpenFailed(f"the helper ended without an answer (status {status}){because}", "see 'mdevview doctor'")

    def _end(self, patience_s: float) -> int | None:
        """Reap the child, which is told to end after ``patience_s``; its exit status, None when unknown."""
        import subprocess  # noqa: PLC0415

        child, self._child = self._child, None
        if child is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            return child.wait(patience_s)
        # While it asks for a password its real user is still this one; later it may not be told, and ends by itself.
        with suppress(PermissionError):
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                return child.wait(_ENDING_S)
        _left.append(child)
        return None


def _receive(connection: socket.socket) -> tuple[bytes, list[int], int]:
    """One message, its fds and recvmsg(2)'s flags. Not by socket.recv_fds(): it drops the flag that keeps
    the fds from a child started at that moment (https://github.com/python/cpython/issues/107898).
    """
    size = socket.CMSG_SPACE(MAX_FDS * 4)
    message, ancillary, flags, _ = connection.recvmsg(_MAX_MESSAGE, size, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return message, fds.tolist(), flags


def _check_helper(setup: Setup, of: str) -> None:
    """Raises PermissionDenied unless the helper is there, and only root could have put it there."""
    try:
        fault = fault_of(setup.helper, setup.owner)
    except FileNotFoundError:
        raise PermissionDenied(f"{of}, and {setup.helper.name} is not installed", f"install it: {INSTALL}") from None
    except OSError as error:
        fault = f"{setup.helper}: {error.strerror}"
    if fault is not None:
        raise PermissionDenied(f"{of}, and the helper cannot be trusted: {fault}", f"install it again: {INSTALL}")


def _best_way(setup: Setup, terminal: Terminal, of: str) -> HelperWay:
    """A dialog before a prompt, which nobody may be looking at. Raises PermissionDenied when neither can be had."""
    lacks = []
    if setup.program("pkexec") is None or not setup.action.exists():
        lacks.append("no pkexec with mdevview's action")
    elif not terminal.desktop:
        lacks.append("no desktop session for pkexec's dialog")
    else:
        return HelperWay.PKEXEC
    if setup.program("sudo") is None:
        lacks.append("no sudo")
    elif not terminal.keys:
        lacks.append("no terminal for sudo's prompt")
    else:
        return HelperWay.SUDO
    what = "install pkexec or sudo" if setup.program("sudo") is None else "run mdevview from a terminal"
    raise PermissionDenied(
        f"{of}, and there is no way to ask for more rights: {', '.join(lacks)}",
        f"{what}; 'mdevview doctor' shows all choices",
    )


# Children that outlived the request they were for: reaped when the next one starts.
_left: "list[subprocess.Popen[bytes]]" = []


def _reap() -> None:
    _left[:] = [each for each in _left if each.poll() is None]


def _environment() -> dict[str, str]:
    """What pkexec and sudo need to talk to a person, and nothing else of this user's."""
    kept = ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "TERM")
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **{key: os.environ[key] for key in kept if key in os.environ}}


def _link_of(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115


@dataclass(frozen=True, slots=True)
class Answer:
    """``numbers`` are the fds' numbers in their process, in the order in which they were sent."""

    numbers: tuple[int, ...]
    groups: tuple[int, ...]


_REFUSALS: dict[str, type[MdevviewError]] = {
    "process": ProcessGone,
    "device": NoSuchDevice,
    "rights": PermissionDenied,
}


def parse(message: bytes, count: int) -> Answer:
    """The helper's answer, which came with ``count`` fds. Raises what it refused with; OpenFailed for nonsense."""
    try:
        document: Any = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise _nonsense("it is no JSON") from error
    if not isinstance(document, dict):
        raise _nonsense("it is no object")
    refused = document.get("refused")
    if isinstance(refused, str) and count == 0:
        kind = document.get("kind")
        raise _REFUSALS.get(kind if isinstance(kind, str) else "", PermissionDenied)(f"the helper refused: {refused}")
    numbers, groups = _integers(document.get("fds")), _integers(document.get("groups"))
    if numbers is None or groups is None:
        raise _nonsense("its numbers are none")
    if not 0 < count == len(numbers):
        raise _nonsense(f"it names {len(numbers)} fds and has {count}")
    return Answer(numbers, groups)


def _integers(value: object) -> tuple[int, ...] | None:
    """A list of fd or group numbers, None for anything else; a bool is none."""
    if not isinstance(value, list) or not all(type(each) is int and 0 <= each < 1 << 31 for each in value):
        return None
    return tuple(value)


def _nonsense(why: str) -> OpenFailed:
    return OpenFailed(f"the helper's answer cannot be understood: {why}", f"install the same version: {INSTALL}")
