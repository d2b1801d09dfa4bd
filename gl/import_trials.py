"""Which imports may be made in this process: those that a driver survived in a short-lived one.

A driver that dies takes the program with it, and the guest's window. So an import of a kind that the record does not
know yet is tried in another process first (:mod:`gl.trial_process`). Meanwhile the pixels are copied if the CPU can
read them; the picture is the same and comes sooner than by import.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from app.errors import error_text
from app.planes.buffer import Buffer
from app.planes.outcome import ImportFailure, ImportMethod
from app.planes.plane import Plane
from app.planes.status import Reason, Status
from gl.context import Context
from gl.retry import Retry, next_retry
from gl.trial_process import TrialLimits, TrialProcess, TrialUnlike
from gl.trial_record import TrialAnswer, TrialEnd
from gl.trial_request import TrialRequest, renderer_facts, trial_key, trial_origins

_log = logging.getLogger(__name__)

_LOOK_NS = 20_000_000
_PAUSE_NS = 100_000_000
_SURVIVED = TrialAnswer(TrialEnd.SURVIVED)
# A guest can flip through many kinds of planes, and each trial is a process.
_MOST_RUNNING = 2
_NO_TRIAL = "it cannot be tried in another process first"

Start = Callable[[str, int, TrialLimits, Callable[[TrialAnswer], object]], TrialProcess]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an import must not be made in this process, now or at all."""

    reason: Reason
    failure: ImportFailure


class ImportTrials:
    """The trials for one context. ``clock`` gives nanoseconds; ``start`` starts a trial, a test may give another."""

    def __init__(
        self, context: Context, clock: Callable[[], int] = time.monotonic_ns, start: Start = TrialProcess
    ) -> None:
        self._context = context
        self._clock = clock
        self._start = start
        self._facts: dict[str, str] = {}
        self._running: dict[str, TrialProcess] = {}
        # Trials that gave no answer. Each flip may ask anew, and must not start a process each time.
        self._failed: dict[str, tuple[Retry, Refusal]] = {}
        # The answer for imports that no trial can try, because another process does not reach the driver.
        self._trusted: dict[str, TrialAnswer] = {}

    def refusal(self, plane: Plane, buffer: Buffer) -> Refusal | None:
        """None for an import that the driver survives. Where the context allows it, this waits for the trial."""
        context = self._context
        self._facts = self._facts or renderer_facts(context)
        key = trial_key(context, self._facts, plane, buffer)
        self._collect()
        answer = context.record.get(key) or self._trusted.get(key) or self._try(key, plane, buffer)
        if isinstance(answer, Refusal):
            return answer
        return None if answer.survived else _refusal(Reason.IMPORT_CRASHES_DRIVER, answer.detail)

    def _try(self, key: str, plane: Plane, buffer: Buffer) -> TrialAnswer | Refusal:
        """Start a trial, or look at the one that runs: its answer, or a refusal as long as there is none."""
        trial = self._running.get(key)
        if trial is None:
            failed = self._failed.get(key)
            if failed is not None and self._clock() < failed[0].due_ns:
                return failed[1]
            if len(self._running) >= _MOST_RUNNING:
                return _refusal(Reason.IMPORT_ON_TRIAL, "other imports are tried first", may_pass=True)
            assert buffer.dmabuf_fd is not None
            request = TrialRequest(plane, self._facts, trial_origins(self._context))
            limits = TrialLimits()
            limits = replace(limits, memory=limits.memory + 4 * buffer.size)
            try:
                trial = self._start(request.to_json(), buffer.dmabuf_fd, limits, partial(self._context.record.put, key))
            except OSError as error:
                return self._fail(key, error_text(error))
            self._running[key] = trial
            _log.info("tried in another process first: %s", key)
        if self._context.waits_for_trials:
            trial.wait()
        if not trial.done:
            return _refusal(Reason.IMPORT_ON_TRIAL, "the trial in another process has not ended yet", may_pass=True)
        return self._end(key, trial)

    def _collect(self) -> None:
        """Take the trials that have ended. Nobody may ask again for the import of one: its picture is gone."""
        for key, trial in list(self._running.items()):
            if trial.done:
                self._end(key, trial)

    def _end(self, key: str, trial: TrialProcess) -> TrialAnswer | Refusal:
        """What follows from a trial that has ended."""
        del self._running[key]
        if isinstance(trial.failure, TrialUnlike):
            _log.info("an import is made without a trial: %s", trial.failure)
            self._trusted[key] = _SURVIVED
            return _SURVIVED
        if trial.answer is None:
            return self._fail(key, str(trial.failure))
        if not trial.answer.survived:
            _log.info("%s: %s", trial.answer.detail, key)
        return trial.answer

    def _fail(self, key: str, why: str) -> Refusal:
        """The refusal for a trial without an answer, and the pause before the next one."""
        refusal = _refusal(Reason.IMPORT_FAILED, f"{_NO_TRIAL}: {why}", may_pass=True)
        failed = self._failed.get(key)
        self._failed[key] = (next_retry(self._clock(), failed[0] if failed is not None else None), refusal)
        return refusal

    def release(self) -> None:
        """End the trials that run, which hold the dma-bufs of a device; more calls do nothing."""
        running, self._running = self._running, {}
        for each in running.values():
            each.cancel()


def _refusal(reason: Reason, message: str, *, may_pass: bool = False) -> Refusal:
    return Refusal(reason, ImportFailure(ImportMethod.EXPLICIT, None, message, may_pass))


def trial_retry(now_ns: int) -> Retry:
    """When to look at a running trial again."""
    return Retry(now_ns + _LOOK_NS, _PAUSE_NS)


def awaited(status: Status) -> Status:
    """The status of a surface that cannot be shown as long as its trial runs: it waits, and is no error."""
    return Status(Reason.IMPORT_AWAITED, status.detail)
