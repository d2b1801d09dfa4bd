"""The stages and counters of a measured run, in fixed memory. Their names are those of the documents of ``measure``.

A latency that begins with a flip is counted only for flips that were drawn: a flip that another one superseded before
the next picture was never shown.
"""

from typing import Any

from app.measure.record.frame_record import FrameRecord, Kind
from app.measure.record.stage import Stage

STAGES = (
    "poll_interval",
    "query",
    "flip_to_poll",
    "fetch",
    "import",
    "submit",
    "gpu",
    "present",
    "flip_to_submit",
    "flip_to_present",
    "change_to_submit",
    "true_flip_to_submit",
    "jitter",
    "input_to_acknowledge",
    "input_to_change",
    "input_to_submit",
    "look",
)
"""``poll_interval``: between the starts of two polls. ``query``: all plane queries of a poll. ``flip_to_poll``: from a
flip of the guest to the poll that saw it, of every flip that was seen. ``fetch``, ``import``: of a frame with a new
buffer. ``submit``, ``gpu``: drawing on the CPU and on the GPU. ``present``: from submission to the screen.
``flip_to_submit``, ``flip_to_present``: from the guest's flip. ``change_to_submit``: from a change in the buffer on the
screen. ``true_flip_to_submit``: from a flip of a simulated guest, or a change by it, by the guest's own
clock, each counted for the first picture that was drawn for it. ``jitter``: the difference between the
latencies (flip to submit) of two successive flips. ``input_to_acknowledge``, ``input_to_change``, ``input_to_submit``:
from a sent key to the VM's answer, to changed pixels, and to the submitted picture that shows them. ``look``: one look
at these pixels."""


class Stages:
    """Counts polls and completed records, see :mod:`app.measure.record.recorder`."""

    def __init__(self) -> None:
        self._stages = {name: Stage() for name in STAGES}
        self._last_latency_ns: int | None = None

    def __getitem__(self, name: str) -> Stage:
        return self._stages[name]

    def add(self, record: FrameRecord) -> None:
        """Count a completed record."""
        stages, now = self._stages, record.submit_ns
        stages["submit"].record(now, record.submit_ns - record.begin_ns)
        for name, value in (("fetch", record.fetch_ns), ("import", record.import_ns), ("gpu", record.gpu_ns)):
            if value is not None:
                stages[name].record(now, value)
        if record.present_ns is not None:
            stages["present"].record(now, record.present_ns - record.submit_ns)
        if record.kind is Kind.FLIP:
            self._add_flip(record)
        elif record.kind is Kind.CHANGE:
            _record_since(stages["change_to_submit"], record, record.submit_ns)
        if record.true_flip_ns is not None and record.kind in (Kind.FLIP, Kind.CHANGE):
            stages["true_flip_to_submit"].record(now, record.submit_ns - record.true_flip_ns)

    def document(self) -> dict[str, Any]:
        """The stages that have values."""
        return {name: stage.document() for name, stage in self._stages.items() if stage.count}

    def _add_flip(self, record: FrameRecord) -> None:
        _record_since(self._stages["flip_to_submit"], record, record.submit_ns)
        if record.present_ns is not None:
            _record_since(self._stages["flip_to_present"], record, record.present_ns)
        if record.seen_ns is None or record.previous_poll_ns is None:
            return
        latency = record.submit_ns - (record.seen_ns + record.previous_poll_ns) // 2
        if self._last_latency_ns is not None:
            self._stages["jitter"].record(record.submit_ns, abs(latency - self._last_latency_ns))
        self._last_latency_ns = latency


def _record_since(stage: Stage, record: FrameRecord, end_ns: int) -> None:
    """The change happened after the poll before, and before the poll that saw it."""
    if record.seen_ns is not None and record.previous_poll_ns is not None:
        stage.record_band(record.submit_ns, end_ns - record.seen_ns, end_ns - record.previous_poll_ns)
