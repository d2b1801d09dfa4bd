"""``mdevview measure --observe``: how another program polls a vGPU, from the kernel's trace of its ioctls."""

import argparse
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.errors import MdevviewError, ProcessGone, UsageError, error_text
from app.host.gpu import AUTO
from app.host.observed_process import describe_observed, is_vfio_device
from app.host.process import Process
from app.measure.loop.pacing import Pace
from app.measure.record.metadata import metadata
from app.measure.record.observation import Observation
from app.measure.record.observation_document import observation_document, observation_text
from app.open.target import Default, Pid
from app.tracing.ioctl_trace import IoctlTrace
from ui.cli.measure_files import signalled_status, write_document
from ui.cli.output import write_error, write_output
from ui.cli.output_file import is_standard_output
from ui.cli.stop_signals import StopSignals
from ui.fd_wait import FdWait

_SECOND = 1_000_000_000
_INTERVAL_NS = 20_000_000
# What one look reads of each CPU beside our own polls: 4 KB hold 80 events, 4000 in a second.
_PAGES = 2

FLIP_PACE = replace(Pace(), poll_at_rest=Pace().poll, poll_asleep=Pace().poll)
"""Our own polls while another program is observed: they give the flips, and the next one may come at any time."""


class Observer:
    """Reads the trace of a process from time to time. Owned by :func:`observing`."""

    def __init__(self, process: Process, trace: IoctlTrace, wanted: Pid) -> None:
        self.process = process
        self.fd = wanted.fd
        # While it lives: a process that has ended has no name.
        self.described = describe_observed(process.pid)
        self.failed: MdevviewError | None = None
        self._trace = trace
        self.begin()

    def begin(self) -> None:
        """Forget what was seen before."""
        self.observation = self._empty()
        self._read(None)
        self.observation = self._empty()
        self.due_ns = time.monotonic_ns() + _INTERVAL_NS

    def flipped(self, previous_ns: int, seen_ns: int) -> None:
        """The guest flipped between these times."""
        self.observation.flipped(previous_ns, seen_ns)

    def look(self) -> None:
        """Read some of the trace if it is due. The observation ends when the trace cannot be read."""
        if time.monotonic_ns() >= self.due_ns:
            self.due_ns += _INTERVAL_NS
            self._read(_PAGES)

    def _empty(self) -> Observation:
        return Observation(lambda fd: is_vfio_device(self.process.pid, fd))

    def finish(self) -> None:
        """Read what is left."""
        self._read(None)

    def _read(self, pages: int | None) -> None:
        if self.failed is not None:
            return
        try:
            batch = self._trace.read() if pages is None else self._trace.read(pages)
        except OSError as error:
            self.failed = MdevviewError(f"the trace cannot be read: {error_text(error)}")
        except ValueError as error:
            self.failed = MdevviewError(f"the trace has an unknown form: {error}")
        else:
            self.observation.add(batch.events, batch.lost)

    def document(
        self, meta: dict[str, Any], picture: dict[str, Any], duration_ns: int, *, complete: bool
    ) -> dict[str, Any]:
        """The document of the observed program."""
        return observation_document(
            self.described, self.observation, meta, picture, duration_ns, complete=complete, fd=self.fd
        )


@contextlib.contextmanager
def observing(args: argparse.Namespace) -> Iterator[Observer | None]:
    """Trace the process of ``--observe``; None without the option. Raises MdevviewError."""
    if args.observe is None:
        yield None
        return
    with Process.open(args.observe.pid) as process, IoctlTrace.open(process) as trace:
        yield Observer(process, trace, args.observe)


def run_alone(args: argparse.Namespace) -> int:
    """Observe without a target: nobody tells the flips. Raises MdevviewError."""
    for name in ("csv", "own_json", "poll", "size"):
        if getattr(args, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} needs a TARGET", "name the vGPU that the program shows")
    if args.gpu != AUTO:
        raise UsageError("--gpu needs a TARGET", "without one nothing is drawn")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with FdWait() as waiting, observing(args) as observer, StopSignals(limit=1) as signals:
        assert observer is not None
        began = time.monotonic_ns()
        end = began + round(args.duration * _SECOND)
        while time.monotonic_ns() < end and not (signals.count or observer.process.ended() or observer.failed):
            waiting.wait((signals.fileno(), observer.process.fileno()), min(observer.due_ns, end))
            observer.look()
        observer.finish()
        duration = time.monotonic_ns() - began
        options = {"duration_s": args.duration}
        document = observer.document(metadata(None, options, started), {}, duration, complete=duration >= end - began)
        document["target"] = None
    write_observation(args, document, observer)
    return 0 if document["complete"] else signalled_status(signals.last)


def write_observation(args: argparse.Namespace, document: dict[str, Any], observer: Observer) -> None:
    """The document to its file, and the table to standard output unless a file is there.

    Raises MdevviewError if there is not one poll in it, or the process has ended early.
    """
    if args.json:
        write_document(args.json, document, "--json")
    if not (is_standard_output(args.json) or is_standard_output(args.csv) or is_standard_output(args.own_json)):
        write_output(observation_text(document))
    elif document["events_lost"]:
        write_error(f"mdevview: the kernel lost {document['events_lost']} events")
    if observer.failed is not None:
        raise observer.failed
    name = f"{document['meta']['observed']['name'] or 'process'} {observer.process.pid}"
    if not document["complete"] and observer.process.ended():
        raise ProcessGone(f"{name} has ended after {document['duration_s']:g} s", "what was seen is written")
    if document["complete"] and not document["polls"]:
        raise MdevviewError(
            f"{name} polled no vGPU in {document['duration_s']:g} s",
            "it must show one: QEMU does with display=on and a window, and mdevview while its window is visible",
        )


def observes_alone(args: argparse.Namespace) -> bool:
    """Whether no target is given beside the observed program."""
    return args.observe is not None and isinstance(args.target, Default)
