"""What a request to root's helper says about the process: the words that a person reads before giving permission.

The helper computes the same words from the process itself, and refuses a request with others. So the dialog of pkexec,
which shows the command line of the helper, tells the truth, or nothing is handed over. ``packaging/helper`` has the
same functions, word for word; a test compares the two.
"""

import errno
import itertools
import os
import pwd
import threading
from contextlib import suppress

NAME_LENGTH = 40
MAX_COMMAND_LINE = 1 << 18
_LIMIT_S = 4.0


def clean(text: str) -> str:
    """A name that cannot be taken for other words of a dialog: short, ASCII, without blanks; "?" for an empty one."""
    safe = "".join(each if each.isascii() and (each.isalnum() or each in "._+-") else "_" for each in text)
    return (safe if len(safe) <= NAME_LENGTH else f"{safe[:NAME_LENGTH]}...") or "?"


def owner(pid: int) -> str:
    """The user whose rights a process has: the name, or the number if it has no name. Raises OSError."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        uid = next(int(line.split()[2]) for line in file if line.startswith("Uid:"))
    try:
        return clean(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def own_name(pid: int) -> str:
    """What a VM calls itself on its command line, "?" if nothing. Any process may call itself so. Raises OSError."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read(MAX_COMMAND_LINE).decode("utf-8", "replace").split("\0")
    name = ""
    for option, value in itertools.pairwise(words):
        if option in ("-name", "--name"):
            first, *others = value.split(",")
            pairs = [each[6:] for each in (first, *others) if each.startswith("guest=")]
            name = (pairs or ["" if "=" in first else first])[-1]
    return clean(name)


def request_words(pid: int) -> tuple[str, str]:
    """The owner and the name of a process; "?" for what this user may not see.

    Raises TimeoutError if the process does not let its command line be read (see :mod:`app.host.command_lines`). The
    thread that reads it is then left behind. Raises OSError(EAGAIN) if no more threads can be started.
    """
    found = [("?", "?")]

    def read() -> None:
        with suppress(OSError):
            found.append((owner(pid), own_name(pid)))

    thread = threading.Thread(target=read, name="request-words", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
    thread.join(_LIMIT_S)
    if thread.is_alive():
        raise TimeoutError
    return found[-1]
