"""The steps that end a VM, from a request to the guest up to SIGKILL. Pure code: the caller gives the time."""

from dataclasses import dataclass
from enum import Enum

from app.vm.power import PowerAction, refusal

_NS = 1_000_000_000


class ShutdownStep(Enum):
    """The steps, the gentlest first."""

    POWERDOWN = "powerdown"
    """QMP ``system_powerdown``: the guest sees its power button pressed."""
    QUIT = "quit"
    """QMP ``quit``: QEMU flushes its disks and ends without asking the guest."""
    TERMINATE = "terminate"
    """SIGTERM, which QEMU handles like ``quit``."""
    KILL = "kill"
    """SIGKILL."""


@dataclass(frozen=True, slots=True)
class ShutdownTimeouts:
    """The time limit of each step in seconds."""

    powerdown: float = 60.0
    quit: float = 10.0
    terminate: float = 10.0
    kill: float = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` must be done now, None for nothing. ``message`` is for the user. ``over`` says that no step is left."""

    step: ShutdownStep | None = None
    message: str = ""
    over: bool = False


class ShutdownSequence:
    """The end of one VM. Times are nanoseconds.

    Call :meth:`advance` when the VM has ended, when :attr:`due` is reached and after each other method.
    """

    def __init__(
        self,
        monitor: bool,
        owned: bool,
        run_state: str | None = None,
        timeouts: ShutdownTimeouts | None = None,
        forces: bool = True,
    ) -> None:
        """``monitor`` says that the monitor takes commands. ``owned`` says that the VM's process is our child.

        ``run_state`` is QEMU's name of the state. A guest that does not run cannot power off.
        Without ``forces`` nothing follows the request to the guest before :meth:`skip_wait`, unless the guest is off.
        """
        timeouts = timeouts or ShutdownTimeouts()
        can_power_off = not refusal(PowerAction.POWERDOWN, run_state)
        self._steps: list[tuple[ShutdownStep, float]] = []
        if monitor and can_power_off:
            self._steps.append((ShutdownStep.POWERDOWN, timeouts.powerdown))
        if monitor:
            self._steps.append((ShutdownStep.QUIT, timeouts.quit))
        if owned:
            self._steps += [(ShutdownStep.TERMINATE, timeouts.terminate), (ShutdownStep.KILL, timeouts.kill)]
        self._forces = forces
        self._cause = "" if can_power_off else f"the VM is {run_state}"
        self._current: ShutdownStep | None = None
        self._ended = self._over = False
        self.due: int | None = 0
        """The time of the next step, None if there is none."""

    def advance(self, now: int, ended: bool = False) -> Progress:
        """The progress at the time ``now``. ``ended`` says that the process has ended."""
        if ended and not self._ended:
            self._ended = self._over = True
            self.due = None
            return Progress(message="the VM ended", over=True)
        if self._over or self.due is None or now < self.due:
            return Progress(over=self._over)
        if not self._steps:
            self._over, self.due = True, None
            return Progress(message=self._failure(), over=True)
        cause, self._cause = self._cause, ""
        if not self._forces and self._steps[0][0] is not ShutdownStep.POWERDOWN:
            self.due = None
            return Progress(message=cause or self._refusal())
        self._current, seconds = self._steps.pop(0)
        self.due = now + round(seconds * _NS)
        message = _MESSAGES[self._current].format(seconds)
        return Progress(self._current, f"{cause}: {message}" if cause else message)

    @property
    def waits_for_force(self) -> bool:
        """Whether the guest does not power off, and only :meth:`skip_wait` goes on."""
        return self.due is None and not self._over

    def step_failed(self, step: ShutdownStep, reason: str) -> None:
        """A step failed, so the next one is due."""
        self._skip(step, f"{_FAILURES[step]} ({reason})" if reason else _FAILURES[step])

    def guest_off(self) -> None:
        """The guest has powered off, but QEMU keeps running (``-no-shutdown``). So the next step is due."""
        if self._current is ShutdownStep.POWERDOWN:
            self._forces = True
        self._skip(ShutdownStep.POWERDOWN, "the guest is off")

    def skip_wait(self) -> None:
        """The user does not want to wait any longer, so the next step is due."""
        self._forces = True
        if self._current is None and not self._over:
            self.due = 0
        self._skip(self._current, "")

    def _skip(self, step: ShutdownStep | None, cause: str) -> None:
        # A report about an earlier step comes too late and is ignored.
        if step is self._current and step is not None and not self._over:
            self.due = 0
            self._cause = cause

    def _refusal(self) -> str:
        """Why the guest does not power off, without more force."""
        if self._current is None:
            return "the guest cannot be asked to power off"
        return "the guest has not powered off"

    def _failure(self) -> str:
        if self._current is None:
            return "the VM cannot be ended from here: it has no monitor, and mdevview did not start it"
        return "the VM did not end and keeps running"


_MESSAGES = {
    ShutdownStep.POWERDOWN: "asked the guest to power off, waiting up to {:.0f} s",
    ShutdownStep.QUIT: "told QEMU to quit",
    ShutdownStep.TERMINATE: "told QEMU's process to end",
    ShutdownStep.KILL: "killed QEMU's process",
}
_FAILURES = {
    ShutdownStep.POWERDOWN: "the guest could not be asked",
    ShutdownStep.QUIT: "QEMU could not be told",
    ShutdownStep.TERMINATE: "the process could not be told",
    ShutdownStep.KILL: "the process could not be killed",
}
