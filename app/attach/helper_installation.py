"""The installed helpers: their paths, whether they may be trusted, and the program that starts them as root."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.attach.helper_fds import HelperMethod
from app.attach.request_text import request_words
from app.errors import PermissionDenied

HELPER = Path("/usr/libexec/mdevview-getfd")
ACTION = Path("/usr/share/polkit-1/actions/io.github.mdevview.getfd.policy")
XEN_HELPER = Path("/usr/libexec/mdevview-getxen")
XEN_ACTION = Path("/usr/share/polkit-1/actions/io.github.mdevview.getxen.policy")


def how_to_install(program: Path, *, xen: bool = False) -> str:
    """The command that installs the helper, for the ``program`` that this is: a checkout, a Debian package or a copy.

    ``xen``: the helper that opens the files of Xen.

    ``program`` is the folder with ``app``. A program in the home of its user (run.sh --install) has no script of its
    own.
    """
    command = "sudo sh packaging/helper.sh install xen" if xen else "sudo sh packaging/helper.sh install"
    if (program / "packaging/helper.sh").is_file():
        return command
    if program.is_relative_to("/usr/lib"):
        return "sudo apt install --reinstall ./mdevview_*.deb"
    return f"{command}, in the checkout that mdevview was installed from"


_PROGRAM = Path(__file__).resolve().parents[2]
INSTALL = how_to_install(_PROGRAM)
INSTALL_XEN = how_to_install(_PROGRAM, xen=True)

# The time limit for an answer if nobody can be asked for a password. The helper itself gives up after 10 s.
UNATTENDED_S = 60.0


@dataclass(frozen=True, slots=True)
class PasswordPrompts:
    """Whether a person can be asked for a password at a controlling terminal, and in a dialog of the desktop."""

    terminal: bool
    desktop: bool

    @classmethod
    def detect(cls) -> Self:
        # For a program that was started over ssh, the dialog would open on this host's own screen.
        desktop = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
        return cls(_in_foreground(), bool(desktop) and "SSH_CONNECTION" not in os.environ)


def _in_foreground() -> bool:
    """Whether there is a controlling terminal with this process in its foreground."""
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
class HelperInstallation:
    """The paths and the owner of the programs; a test replaces them. PATH is not used, because anyone may set it.

    ``install`` is the command that installs the helper.
    """

    helper: Path = HELPER
    action: Path = ACTION
    folders: tuple[Path, ...] = (Path("/usr/bin"), Path("/bin"), Path("/run/wrappers/bin"))
    owner: int = 0
    uid: Callable[[], int] = os.geteuid
    prompts: Callable[[], PasswordPrompts] = PasswordPrompts.detect
    install: str = INSTALL

    def program(self, name: str) -> Path | None:
        return next((each / name for each in self.folders if os.access(each / name, os.X_OK)), None)


INSTALLED = HelperInstallation()
XEN_INSTALLED = HelperInstallation(XEN_HELPER, XEN_ACTION, install=INSTALL_XEN)


@dataclass(frozen=True, slots=True)
class HelperCommand:
    """The command line that starts ``helper``. ``program`` is "pkexec" or "sudo".

    ``limit_s`` is the time limit for an answer in seconds; None if a person may be typing a password.
    """

    arguments: tuple[str, ...]
    program: str
    limit_s: float | None
    helper: Path


@dataclass(frozen=True, slots=True)
class Question:
    """What a helper is asked for. ``to_do`` follows "you have no permission to" in errors.

    ``words`` are the helper's arguments, which pkexec shows. ``prompt`` is what sudo asks at the terminal.
    """

    to_do: str
    words: tuple[str, ...]
    prompt: str


def helper_command(pid: int, fd: int | None, method: HelperMethod, installation: HelperInstallation) -> HelperCommand:
    """The command that starts the helper for the VFIO fds of a process. Raises PermissionDenied with a remedy."""
    user, vm = request_words(pid)
    words = (f"pid={pid}", f"user={user}", f"vm={vm}", *(() if fd is None else (f"fd={fd}",)))
    prompt = f"mdevview asks for the display of VM {vm} (process {pid} of {user})"
    return command_for(Question(f"look into process {pid}", words, prompt), method, installation)


def command_for(question: Question, method: HelperMethod, installation: HelperInstallation) -> HelperCommand:
    """The command that starts a helper with a question. Raises PermissionDenied with a remedy."""
    denied = f"you have no permission to {question.to_do}"
    if method is HelperMethod.NEVER:
        raise PermissionDenied(denied, "see 'mdevview doctor', or leave out --helper never")
    if installation.uid() == 0:
        # The kernel denied root: yama at 3, or a container without CAP_SYS_PTRACE. The helper would be denied, too.
        raise PermissionDenied(f"{denied}, although you are root", "see 'mdevview doctor'")
    _check_helper(installation, denied)
    prompts = installation.prompts()
    method = method if method is not HelperMethod.AUTO else _best_method(installation, prompts, denied)
    program = installation.program(method.value)
    if program is None:
        raise PermissionDenied(f"{denied}, and there is no {method.value}", "install it, or choose another --helper")
    options: tuple[str, ...] = ()
    limit_s = None
    # With -k sudo asks even if it has asked for something else some minutes ago.
    if method is HelperMethod.SUDO and prompts.terminal:
        options = ("-k", "-p", f"{question.prompt}. Password of %p: ", "--")
    elif method is HelperMethod.SUDO:
        options, limit_s = ("-k", "-n", "--"), UNATTENDED_S
    arguments = (str(program), *options, str(installation.helper), *question.words)
    return HelperCommand(arguments, method.value, limit_s, installation.helper)


def trust_problem(file: Path, owner: int = 0) -> str | None:
    """Why a file must not be run as root: others than root could have changed it. None if it may be run.

    Raises OSError if it cannot be examined, FileNotFoundError if it does not exist.
    """
    if not stat.S_ISREG(file.lstat().st_mode):
        return f"{file} is no regular file"
    # Who can write above the target of a link can replace the target.
    for each in dict.fromkeys((file, *file.parents, *file.resolve().parents)):
        info = each.stat()
        if info.st_uid not in (0, owner):
            return f"{each} belongs to user {info.st_uid}, not to root"
        # In a folder with the sticky bit (/tmp) nobody can replace the file of another user.
        shared = info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not (each != file and info.st_mode & stat.S_ISVTX)
        if shared:
            return f"others than root can write to {each} (mode {stat.S_IMODE(info.st_mode):04o})"
    if not os.access(file, os.R_OK | os.X_OK):
        return f"{file} cannot be run (mode {stat.S_IMODE(file.stat().st_mode):04o})"
    return None


def _check_helper(installation: HelperInstallation, denied: str) -> None:
    """Raises PermissionDenied if the helper is not installed, or if others than root could have changed it."""
    helper = installation.helper
    try:
        fault = trust_problem(helper, installation.owner)
    except FileNotFoundError:
        raise PermissionDenied(
            f"{denied}, and {helper.name} is not installed", f"install it: {installation.install}"
        ) from None
    except OSError as error:
        fault = f"{helper}: {error.strerror}"
    if fault is not None:
        raise PermissionDenied(
            f"{denied}, and the helper cannot be trusted: {fault}", f"install it again: {installation.install}"
        )


def _best_method(installation: HelperInstallation, prompts: PasswordPrompts, denied: str) -> HelperMethod:
    """A dialog if possible, because nobody may see a prompt. Raises PermissionDenied if there is neither."""
    lacks = []
    if installation.program("pkexec") is None or not installation.action.exists():
        lacks.append("no pkexec with mdevview's action")
    elif not prompts.desktop:
        lacks.append("no desktop session for pkexec's dialog")
    else:
        return HelperMethod.PKEXEC
    if installation.program("sudo") is None:
        lacks.append("no sudo")
    elif not prompts.terminal:
        lacks.append("no terminal for sudo's prompt")
    else:
        return HelperMethod.SUDO
    remedy = "install pkexec or sudo" if installation.program("sudo") is None else "run mdevview from a terminal"
    raise PermissionDenied(
        f"{denied}, and there is no way to ask for it: {', '.join(lacks)}",
        f"{remedy}; 'mdevview doctor' lists all ways",
    )
