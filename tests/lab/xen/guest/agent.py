"""The program of a guest: runs the jobs that dom0 writes on the console, each in a process of its own.

A line is JSON: ``{"job": number, "do": name, ...}`` starts one, ``{"kill": number}`` ends it. Answers are lines that
begin with ``@``: ``said`` while it runs, ``answer`` or ``error`` or ``signal`` at its end.
"""

import json
import os
import signal
import sys
import traceback
import tty

from tests.lab.xen.guest import jobs


def _tell(**record: object) -> None:
    os.write(1, b"@" + json.dumps(record).encode() + b"\n")


def _start(number: int, name: str, arguments: dict[str, object]) -> int:
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = 0
    try:
        answer = jobs.ALL[name](lambda said: _tell(job=number, said=said), **arguments)
        _tell(job=number, answer=answer)
    except BaseException:
        _tell(job=number, error=traceback.format_exc())
        status = 1
    os._exit(status)


def main() -> None:
    tty.setraw(0)
    running: dict[int, int] = {}

    def reap(*_: object) -> None:
        for pid, number in list(running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del running[pid]
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
        elif "kill" in asked:
            for pid, number in list(running.items()):
                if number == asked["kill"]:
                    os.kill(pid, signal.SIGKILL)
        else:
            number, name = asked.pop("job"), asked.pop("do")
            running[_start(number, name, asked)] = number


if __name__ == "__main__":
    main()
