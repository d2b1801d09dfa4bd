"""The program of a guest: runs the jobs that dom0 writes on the console, each in a process of its own.

A line is JSON: ``{"job": number, "do": name, ...}`` starts one, ``{"step": number}`` lets it take a step and
``{"kill": number}`` ends it. Answers are lines that
begin with ``@``: ``said`` while it runs, ``answer`` or ``error`` or ``signal`` at its end.
"""

import contextlib
import json
import os
import signal
import sys
import termios
import traceback
import tty

from tests.lab.xen.guest import jobs


def _tell(**record: object) -> None:
    os.write(1, b"@" + json.dumps(record).encode() + b"\n")


def _lead_group(pid: int) -> None:
    """A job's children are killed with it: one that lives on would take the next card. Parent and child both ask."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)


def _start(number: int, name: str, arguments: dict[str, object]) -> tuple[int, int]:
    """Returns the process and the fd for the steps."""
    steps, write_end = os.pipe()
    pid = os.fork()
    if pid:
        _lead_group(pid)
        os.close(steps)
        return pid, write_end
    _lead_group(0)
    os.close(write_end)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = 0
    try:
        answer = jobs.ALL[name](jobs.Dom0(lambda said: _tell(job=number, said=said), steps), **arguments)
        _tell(job=number, answer=answer)
    except BaseException:
        _tell(job=number, error=traceback.format_exc())
        status = 1
    os._exit(status)


def main() -> None:
    # Neither waits nor discards: dom0 may be writing already.
    tty.setraw(0, termios.TCSANOW)
    _tell(ready=True)
    running: dict[int, int] = {}
    steps: dict[int, int] = {}

    def reap(*_: object) -> None:
        for pid, number in list(running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del running[pid]
                os.close(steps.pop(number))
                if os.WIFSIGNALED(status):
                    _tell(job=number, signal=os.WTERMSIG(status))

    signal.signal(signal.SIGCHLD, reap)
    for line in sys.stdin:
        # The console may echo what this program and the kernel wrote, until dom0 has opened it.
        if not line.startswith('{"'):
            continue
        asked = json.loads(line)
        if "hello" in asked:
            _tell(ready=True)
        elif "step" in asked:
            if asked["step"] in steps:
                os.write(steps[asked["step"]], b"s")
        elif "kill" in asked:
            for pid, number in list(running.items()):
                if number == asked["kill"]:
                    os.killpg(pid, signal.SIGKILL)
        else:
            number, name = asked.pop("job"), asked.pop("do")
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            pid, steps[number] = _start(number, name, asked)
            running[pid] = number
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


if __name__ == "__main__":
    main()
