"""Reads messages of the kernel and of services from systemd's journal, with its program ``journalctl``."""

import json
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence

from app.host.log_line import Accept, LogLine, LogRefused

KERNEL = "_TRANSPORT=kernel"
"""The match for the kernel's messages (systemd.journal-fields(7))."""

# So many messages are looked at. journalctl leaves out a field of more than 4 KiB.
_MOST = "1000"
_REMEDY = "join the group systemd-journal or adm and log in again"


def read_journal(
    matches: Sequence[str], accept: Accept, most: int, limit_s: float = 0.7, program: str = "journalctl"
) -> list[LogLine]:
    """The last ``most`` messages of this boot that are accepted, the oldest first. Raises LogRefused.

    ``matches`` are fields and values of which one must match. Takes little more than ``limit_s`` seconds.
    """
    path = shutil.which(program)
    if path is None:
        raise LogRefused(f"{program} is not installed")
    alternatives = " + ".join(matches).split()
    command = [path, "--no-pager", "--boot", "--output=json", f"--lines={_MOST}", *alternatives]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        raise LogRefused(f"{program} did not answer within {limit_s:g} s") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise LogRefused(f"{program} cannot be started: {error}") from error
    found = deque((each for each in parse_journal(done.stdout, time.time()) if accept(each.level, each.text)), most)
    # Without permission journalctl only gives a hint on standard error; a host without journal files says so, too.
    if not found and not done.stdout.strip() and done.stderr.strip():
        words = done.stderr.decode("utf-8", "replace").split("\n", 1)[0].strip()
        raise LogRefused(f"{program}: {words}; {_REMEDY}" if "Hint" in words or "permission" in words else words)
    return list(found)


def parse_journal(output: bytes, now_s: float) -> Iterator[LogLine]:
    """The messages in the output of ``journalctl --output=json``. What is no message is left out.

    ``now_s`` is the time of day in seconds since 1970.
    """
    for line in output.split(b"\n"):
        try:
            match json.loads(line):
                case {"MESSAGE": str(text), "__REALTIME_TIMESTAMP": str(stamp), **more} if _is_number(stamp):
                    level = more.get("PRIORITY")
                    number = int(level) if isinstance(level, str) and level in "01234567" and level else 6
                    yield LogLine(number, max(0.0, now_s - int(stamp) / 1e6), text)
        except (ValueError, RecursionError):
            continue


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20
