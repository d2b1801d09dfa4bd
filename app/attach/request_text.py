"""What a request to root's helper says about the process: the words that a person reads before giving permission.

The helper computes the same words from the process itself, and refuses a request with others. So the dialog of pkexec,
which shows the command line of the helper, tells the truth, or nothing is handed over. ``packaging/helper`` has the
same functions, word for word; a test compares the two.
"""

import itertools
import pwd

from app.host.command_lines import read_command_lines
from app.host.paths import HOST, Paths

NAME_LENGTH = 40


def clean(text: str) -> str:
    """A name that cannot be taken for other words of a dialog: short, ASCII, without blanks; "?" for an empty one."""
    safe = "".join(each if each.isascii() and (each.isalnum() or each in "._+-") else "_" for each in text)
    return (safe if len(safe) <= NAME_LENGTH else f"{safe[:NAME_LENGTH]}...") or "?"


def owner(pid: int) -> str:
    """The user whose rights a process has: the name, or the number if it has no name. Raises OSError."""
    # The process chooses its name, which is a line before. The kernel escapes only a newline in it.
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace", newline="\n") as file:
        uid = next(int(line.split()[2]) for line in file if line.startswith("Uid:"))
    try:
        return clean(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def own_name(command_line: bytes) -> str:
    """What a VM calls itself on its command line, "?" if nothing. Any process may call itself so."""
    words = command_line.decode("utf-8", "replace").split("\0")
    name = ""
    for option, value in itertools.pairwise(words):
        if option in ("-name", "--name"):
            first, *others = value.split(",")
            pairs = [each[6:] for each in (first, *others) if each.startswith("guest=")]
            name = (pairs or ["" if "=" in first else first])[-1]
    return clean(name)


def request_words(pid: int, paths: Paths = HOST) -> tuple[str, str]:
    """The owner and the name of a process; "?" for what this user may not see, or what the process does not let see."""
    try:
        user = owner(pid)
        text = read_command_lines([pid], paths).texts.get(pid)
    except OSError:
        return "?", "?"
    return user, own_name(text.data) if text is not None else "?"
