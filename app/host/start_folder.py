"""Environment variables that a process was started with: the folder in which that was, and others.

Relative paths on its command line begin in that folder.
"""

from contextlib import suppress

from app.host import proc
from app.host.paths import HOST, Paths
from app.host.stalled_reads import read_each

# A shell exports some dozen variables. PWD has the length of a path (PATH_MAX in linux/limits.h).
_MAX_ENVIRONMENT = 1 << 17
_MAX_PATH = 4096


def start_folder(pid: int, paths: Paths = HOST) -> str | None:
    """``PWD`` in the environment that the process was started with; None if it has none or may not be read.

    Shells set it. A program that changes the folder of its child may leave it as it was, so it is a claim: look for
    the file there. The kernel lets only the process's user read it, and nobody but root if it is not dumpable
    (proc_pid_environ(5)). Like a command line, it may make the reader wait, so another thread reads it.
    """
    return parse_pwd(_environment(pid, paths))


def start_variable(pid: int, name: str, paths: Paths = HOST) -> str | None:
    """A variable in the environment that the process was started with; None if it has none or may not be read.

    It is a claim, and read as :func:`start_folder` is.
    """
    return _variable(_environment(pid, paths), name.encode())


def parse_pwd(environment: bytes) -> str | None:
    """The folder that ``PWD`` names in an environment, which ends each variable with NUL; None if it is no full path.

    A variable without NUL was read in part, and does not count.
    """
    value = _variable(environment, b"PWD")
    return value if value is not None and value.startswith("/") else None


def _environment(pid: int, paths: Paths) -> bytes:
    with suppress(OSError):
        found, _ = read_each((pid,), _read, paths)
        return found.get(pid, b"")
    return b""


def _read(pid: int, above: int) -> bytes:
    try:
        with proc.open_folder(str(pid), above) as folder:
            return proc.read("environ", folder, _MAX_ENVIRONMENT)
    except OSError:
        return b""


def _variable(environment: bytes, wanted: bytes) -> str | None:
    for variable in environment.split(b"\0")[:-1]:
        name, _, value = variable.partition(b"=")
        if name == wanted:
            return value.decode("utf-8", "surrogateescape") if len(value) < _MAX_PATH else None
    return None
