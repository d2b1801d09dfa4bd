"""A guest of the lab: its jobs, by its console."""

import json
import os
import select
import termios
import time
import tty
from dataclasses import dataclass, field
from typing import Any

from tests.lab.xen.inside import toolstack
from tests.lab.xen.inside.toolstack import PATIENCE_S


@dataclass
class Job:
    """A job of a guest: what it said so far, and its answer."""

    number: int
    said: list[Any] = field(default_factory=list)
    answer: Any = None
    ended: bool = False
    failure: str | None = None


class Guest:
    """The console of a running guest. :meth:`close` leaves the guest alone."""

    FLIP_DONE_S = 10.0
    """So long the guest's kernel waits for the end of a flip (``drm_atomic_helper_wait_for_flip_done()``).

    Its driver gives up after 3 s (``drivers/gpu/drm/xen``), but a busy host makes everything longer here.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.domid = toolstack.domid(name)
        path = f"/local/domain/{self.domid}/console/tty"
        toolstack.wait_until(lambda: toolstack.read(path), "the guest has a console")
        self._fd = os.open(toolstack.read(path), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd, termios.TCSANOW)
        self._left = b""
        self._jobs: dict[int, Job] = {}
        self._ready = False

    def wait_ready(self) -> None:
        """Wait until the program of the guest answers."""
        begun = time.monotonic()
        while not self._ready:
            waited = time.monotonic() - begun
            assert waited < PATIENCE_S, f"{self.name} does not answer"
            # It tells by itself when it starts. Words that come before that may keep its terminal waiting.
            if waited > PATIENCE_S / 2:
                self._write({"hello": True})
            self.listen(1.0)

    def start(self, do: str, **arguments: object) -> Job:
        job = Job(len(self._jobs) + 1)
        self._jobs[job.number] = job
        self._write({"job": job.number, "do": do, **arguments})
        return job

    def step(self, job: Job) -> None:
        """Let the job take its next step."""
        self._write({"step": job.number})

    def kill(self, job: Job) -> None:
        self._write({"kill": job.number})
        self.wait(lambda: job.ended, "the job is killed")

    def finish(self, job: Job) -> Any:
        """Wait for its answer."""
        self.wait(lambda: job.ended, "the job's answer")
        assert job.failure is None, job.failure
        return job.answer

    def wait(self, ready: Any, what: str, seconds: float = PATIENCE_S) -> None:
        until = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}; {self._jobs}"
            self.listen(0.2)

    def listen(self, seconds: float = 0.0) -> None:
        """Take in what the guest said."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return
        try:
            self._left += os.read(self._fd, 65536)
        except OSError:
            return  # the guest is gone
        *lines, self._left = self._left.split(b"\n")
        for line in lines:
            if b"@{" in line:
                self._take(json.loads(line[line.index(b"@{") + 1 :]))

    def _take(self, record: dict[str, Any]) -> None:
        if "ready" in record:
            self._ready = True
            return
        job = self._jobs[record["job"]]
        if "said" in record:
            job.said.append(record["said"])
            return
        job.ended = True
        job.answer = record.get("answer")
        assert "error" not in record, record["error"]
        if "answer" not in record:
            job.failure = f"killed by signal {record.get('signal')}"

    def _write(self, record: dict[str, object]) -> None:
        os.write(self._fd, json.dumps(record).encode() + b"\n")

    def close(self) -> None:
        """More calls do nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
