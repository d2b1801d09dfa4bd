"""``measure --input``: the keys, the monitor that takes them, and the region whose pixels they change."""

import argparse
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from app.errors import MdevviewError, UsageError
from app.measure.loop.frame_loop import WaitCall
from app.measure.record.input_probe import (
    EndReason,
    InputProbe,
    InputRecord,
    ProbeTimes,
    count_input,
    input_document,
)
from app.measure.record.recorder import Recorder
from app.planes.frame import Frame, Surface
from app.planes.picture_region import PictureRegion
from app.vm.input_route import InputRoute
from app.vm.monitor import ConnectionState, Monitor, Reply
from gl.region_looks import RegionLooks
from ui.cli.output import write_error
from ui.cli.parser import PROG
from ui.offscreen import OffscreenView

_SECOND = 1_000_000_000
_TIMES = ProbeTimes()
_CONNECT_S = 5.0
_CONNECT_STEP_S = 0.02
# Two runs have the same pauses.
_SEED = 1
# A sleeping guest is woken by a key, so it takes input; a paused one does not.
_TAKES_INPUT = (None, "running", "suspended")
_DEFAULT_DURATION_S = 10.0
_DEFAULT_COUNT = 50
_DEFAULT_TIMEOUT_S = 2.0


def check_input_arguments(args: argparse.Namespace) -> None:
    """Raises UsageError for options that contradict one another. Sets the defaults of those that go together."""
    if args.input is None:
        needing = {"--region": args.region, "--count": args.count, "--input-timeout": args.input_timeout}
        for name, value in {**needing, "--qmp": args.qmp}.items():
            if value is not None:
                raise UsageError(f"{name} needs --input", "name a key to which the guest reacts, as in --input esc")
        args.duration = _DEFAULT_DURATION_S if args.duration is None else args.duration
    elif args.duration is not None:
        raise UsageError("--duration does not go with --input", "give the number of keys with --count")
    elif args.poll is not None:
        raise UsageError("--poll does not go with --input", "a measured input looks at the pixels every millisecond")
    else:
        args.count = args.count or _DEFAULT_COUNT
        args.input_timeout = _DEFAULT_TIMEOUT_S if args.input_timeout is None else args.input_timeout


class InputMeasurement:
    """Sends keys to the session's VM and looks at the region. :meth:`close` it.

    Whatever happens, no key stays pressed in the guest (:meth:`app.vm.monitor.Monitor.tap`).
    """

    def __init__(
        self,
        args: argparse.Namespace,
        view: OffscreenView,
        first: Frame,
        recorder: Recorder,
        stopped: Callable[[], bool],
    ) -> None:
        """Connects to the VM's monitor. Raises MdevviewError if it takes no input, or the region is not on the screen.

        ``stopped`` tells that the user ends the run.
        """
        self._keys: tuple[str, ...] = args.input
        self._region = PictureRegion(*args.region) if args.region is not None else None
        self._timeout_s: float = args.input_timeout
        self._count: int = args.count
        self._has_qmp = args.qmp is not None
        self._target = view.session.target
        self._recorder = recorder
        self._stopped = stopped
        self._replies: deque[Reply] = deque()
        self._records: list[InputRecord] = []
        self.failure: MdevviewError | None = None
        """Why the measurement ended early; None if it did not, or if the user or the source ended it."""
        assert first.primary is not None
        if outside := self._outside(first.primary):
            raise UsageError(outside, "give --region X,Y,W,H in the guest's pixels")
        times = replace(_TIMES, timeout=round(self._timeout_s * _SECOND))
        self._probe = InputProbe(self._keys, self._count, self._press, self._completed, times, Random(_SEED))
        self._monitor = self._connect(view.session.input)
        self._looks = RegionLooks(view.renderer, self._region)

    @property
    def complete(self) -> bool:
        """Whether all keys were sent, and each had a reaction or its time."""
        return self.failure is None and self._probe.complete

    def progress(self) -> str:
        """How far it is, in a few words."""
        median = self._recorder.stages["input_to_change"].percentile_ns(50)
        latency = "" if median is None else f", median {median / 1e6:.1f} ms"
        return f"{self._probe.sent} of {self._count} keys{latency}"

    @property
    def options(self) -> dict[str, Any]:
        """What was wanted, for the metadata of the run."""
        return {
            "input": ",".join(self._keys),
            "count": self._count,
            "region": str(self._region) if self._region is not None else "all",
            "input_timeout_s": self._timeout_s,
            "look_path": self._looks.path,
        }

    def measure(self, view: OffscreenView, size: tuple[int, int], wait: WaitCall) -> Frame:
        """Send the keys and draw what changes, until the end, a failure or a stop. Returns the last frame."""

        def finished() -> bool:
            return self.failure is not None or self._probe.finished or self._stopped()

        frame = view.measure_looks(size, self._recorder, self, finished, wait)
        self._take_replies()
        self._probe.stop()
        if self.failure is None and self._probe.ended is not None:
            self.failure = self._why(self._probe.ended)
        return frame

    def document(self) -> dict[str, Any]:
        """What the run document has beside the stages."""
        return input_document(self._probe, self._records)

    def changed(self, frame: Frame) -> bool | None:
        """Whether a look at the frame finds changed pixels in the region; None if they cannot be seen."""
        self._take_replies()
        surface = frame.primary
        if surface is not None and (outside := self._outside(surface)):
            self.failure = MdevviewError(outside, "the guest changed its mode during the run")
            return None
        return self._looks.changed(surface)

    def looked(self, begin_ns: int, end_ns: int, *, changed: bool | None) -> None:
        """What a look between these times found."""
        self._recorder.stages["look"].record(end_ns, end_ns - begin_ns)
        self._probe.looked(begin_ns, end_ns, changed=changed)

    def submitted(self, ns: int) -> None:
        """A picture of what the last look saw was submitted."""
        self._probe.submitted(ns)

    def close(self) -> None:
        """Disconnect from the monitor and release what the looks need; more calls do nothing."""
        self._looks.release()
        self._monitor.close()

    def _press(self, key: str) -> None:
        self._monitor.tap(key, self._replies.append)

    def _completed(self, record: InputRecord) -> None:
        self._records.append(record)
        count_input(self._recorder.stages, record)

    def _take_replies(self) -> None:
        while self._replies:
            reply = self._replies.popleft()
            if reply.error is not None:
                self.failure = MdevviewError(f"{self._target}: '{self._probe.last_key}' was not sent: {reply.error}")
            elif reply.sent_ns is not None and reply.received_ns is not None:
                self._probe.acknowledged(reply.sent_ns, reply.received_ns)

    def _outside(self, surface: Surface) -> str:
        """Why the region is not in the picture; empty if it is."""
        region, plane = self._region, surface.plane
        if region is None or region.lies_in(plane.width, plane.height):
            return ""
        return f"the region {region} is not inside the picture of {plane.width}x{plane.height} pixels"

    def _connect(self, route: InputRoute) -> Monitor:
        if route.reason:
            raise self._no_input(route.reason)
        if route.manager:
            write_error(f"{PROG}: {route.manager} cannot use the VM's QMP socket until the measurement ends")
        # Kept for the time of the measurement: connecting again would be part of what is measured.
        monitor = route.open(lambda: None, keep=True)
        try:
            end = time.monotonic() + _CONNECT_S
            while monitor.status.state is not ConnectionState.READY:
                if self._stopped():
                    raise KeyboardInterrupt
                if time.monotonic() >= end:
                    raise self._no_input(monitor.status.detail or "the VM's monitor does not answer")
                time.sleep(_CONNECT_STEP_S)
            if monitor.status.run_state not in _TAKES_INPUT:
                raise MdevviewError(
                    f"{self._target}: the VM is {monitor.status.run_state}", "let it run, then try again"
                )
        except BaseException:
            monitor.close()
            raise
        return monitor

    def _no_input(self, reason: str) -> MdevviewError:
        remedy = "" if self._has_qmp else "name a QMP socket of the VM with --qmp"
        return MdevviewError(f"{self._target}: no key can be sent: {reason}", remedy)

    def _why(self, ended: EndReason) -> MdevviewError:
        key, where = self._probe.last_key, f"region {self._region}" if self._region is not None else "screen"
        smaller = "give a smaller --region, without a clock, a video or an animation"
        if ended is EndReason.RESTLESS:
            often = self._probe.own_changes / (_TIMES.baseline / _SECOND)
            return MdevviewError(
                f"the pixels of the {where} change by themselves, {often:.1f} times a second, so that a reaction to "
                "a key cannot be told from that",
                smaller,
            )
        if ended is EndReason.UNSETTLED:
            return MdevviewError(f"the pixels of the {where} did not come to rest", smaller)
        state, misses = self._monitor.status.run_state, self._probe.misses_in_a_row
        again = f", {misses} times in a row" if misses > 1 else ""
        return MdevviewError(
            f"the pixels of the {where} did not change within {self._timeout_s:g} s after '{key}'{again}",
            f"the VM is {state}"
            if state not in _TAKES_INPUT
            else "see that the guest shows a reaction to this key there, or give another --region or --input",
        )
