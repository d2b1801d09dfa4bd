"""Ending a VM decently: what to do next, when, and in which words. No clock, no process and no socket in here."""

from dataclasses import dataclass
from enum import Enum

_NS = 1_000_000_000


class Step(Enum):
    """What is done to the VM, from the gentle to the rude."""

    POWERDOWN = "powerdown"
    """QMP ``system_powerdown``: the guest sees its power button pressed."""
    QUIT = "quit"
    """QMP ``quit``: QEMU writes its disks and ends, the guest is not asked."""
    TERMINATE = "terminate"
    """SIGTERM, which QEMU takes as ``quit``."""
    KILL = "kill"
    """SIGKILL."""


@dataclass(frozen=True, slots=True)
class Grace:
    """How long each step gets before the next one, in seconds."""

    powerdown: float = 60.0
    quit: float = 10.0
    terminate: float = 10.0
    kill: float = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    """``step`` is to be done now, None where nothing is; ``words`` tell the user. ``over``: no step is left."""

    step: Step | None = None
    words: str = ""
    over: bool = False


class Ending:
    """The way to the end of one VM. Times are nanoseconds.

    Call :meth:`look` when the VM ended, when :attr:`due` has come and after each other method; do what it says.
    """

    def __init__(self, monitor: bool, owned: bool, run_state: str | None = None, grace: Grace | None = None) -> None:
        """``monitor``: it takes commands. ``owned``: its process is our child, which may be sent signals.

        ``run_state`` is QEMU's word: a guest that does not run cannot power off.
        """
        grace = grace or Grace()
        self._ahead: list[tuple[Step, float]] = []
        if monitor and run_state in (None, "running", "suspended"):
            self._ahead.append((Step.POWERDOWN, grace.powerdown))
        if monitor:
            self._ahead.append((Step.QUIT, grace.quit))
        if owned:
            self._ahead += [(Step.TERMINATE, grace.terminate), (Step.KILL, grace.kill)]
        self._because = "" if run_state in (None, "running", "suspended") else f"the VM is {run_state}"
        self._current: Step | None = None
        self._ended = self._over = False
        self.due: int | None = 0
        """When the next step is due, None when there is none."""

    def look(self, now: int, ended: bool = False) -> Report:
        """What is to be done now. ``ended``: its process is gone."""
        if ended and not self._ended:
            self._ended = self._over = True
            self.due = None
            return Report(words="the VM ended", over=True)
        if self._over or self.due is None or now < self.due:
            return Report(over=self._over)
        if not self._ahead:
            self._over, self.due = True, None
            return Report(words=self._given_up(), over=True)
        because, self._because = self._because, ""
        self._current, seconds = self._ahead.pop(0)
        self.due = now + round(seconds * _NS)
        words = _WORDS[self._current].format(seconds)
        return Report(self._current, f"{because}: {words}" if because else words)

    def refused(self, step: Step, why: str) -> None:
        """A step could not be done: the next one is due."""
        self._hurry(step, f"{_NOT_DONE[step]} ({why})" if why else _NOT_DONE[step])

    def guest_off(self) -> None:
        """The guest powered off and QEMU stayed, as ``-no-shutdown`` says: nothing is left to wait for."""
        self._hurry(Step.POWERDOWN, "the guest is off")

    def impatient(self) -> None:
        """The user does not want to wait any longer for what is under way."""
        self._hurry(self._current, "")

    def _hurry(self, step: Step | None, because: str) -> None:
        # What comes late, about a step that is over, changes nothing.
        if step is self._current and step is not None and not self._over:
            self.due = 0
            self._because = because

    def _given_up(self) -> str:
        if self._current is None:
            return "the VM cannot be ended from here: it has no monitor, and is not ours to send signals"
        return "the VM did not end, and goes on"


_WORDS = {
    Step.POWERDOWN: "asked the guest to power off, waiting up to {:.0f} s",
    Step.QUIT: "told QEMU to quit",
    Step.TERMINATE: "told QEMU's process to end",
    Step.KILL: "killed QEMU's process",
}
_NOT_DONE = {
    Step.POWERDOWN: "the guest could not be asked",
    Step.QUIT: "QEMU could not be told",
    Step.TERMINATE: "the process could not be told",
    Step.KILL: "the process could not be killed",
}
