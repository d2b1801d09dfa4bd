"""``mdevview inspect``: the planes of a device, how they are imported, and findings."""

import argparse
import json
import time
from collections.abc import Iterable

from app.attach.helper_fds import HelperMethod
from app.diagnosis.picture.history import PictureHistory
from app.diagnosis.picture.picture_findings import device_gone
from app.diagnosis.report.finding_document import error_document
from app.errors import MdevviewError
from app.host.virtio_gpu import virtio_gpus
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.plane_document import Document
from app.planes.status import State, Status
from gl.inspection import inspected_facts
from gl.session_document import session_document
from ui.cli.inspect_buffers import also_open, identities_document, identities_lines, vm_of, vms_of_host
from ui.cli.inspect_formats import print_formats
from ui.cli.inspect_text import inspect_lines
from ui.cli.inspect_watch import follow, watch
from ui.cli.output import write_output
from ui.offscreen import OffscreenView, open_offscreen

# How long to wait for a first picture. A mode switch, and mbochs' first answer, take less.
_TIMEOUT_S = 0.5


def run(args: argparse.Namespace) -> int:
    """Print what the device shows now, or follow its changes.

    Raises MdevviewError when it cannot be opened; without ``--watch`` also when it is removed meanwhile.
    """
    if args.formats:
        return print_formats(args)
    try:
        with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper)), args.gpu) as view:
            if args.watch:
                return watch(view, as_json=args.json, duration_s=args.duration)
            document = _inspected(view, args.duration, vms_of_host() if args.buffers else vm_of(view.session))
    except MdevviewError as error:
        if args.json and not args.watch:
            write_output(json.dumps(error_document(error), indent=2))
        raise
    if args.buffers:
        document = identities_document(document, virtio_gpus())
    if args.json:
        write_output(json.dumps(document, indent=2))
    elif args.buffers:
        write_output("\n".join(identities_lines(document)))
    else:
        write_output("\n".join(inspect_lines(document)))
    return 0


def _inspected(view: OffscreenView, duration_s: float | None, pids: Iterable[int]) -> Document:
    """The whole document. ``pids`` are the processes that may have the same buffers open."""
    # Without a duration it is only seen once.
    session, history = view.session, PictureHistory(time.monotonic_ns(), sees_pixels=duration_s is not None)

    def why_not(frame: Frame) -> Status | None:
        history.saw(frame, time.monotonic_ns())
        return None if frame.primary is not None else frame.status

    if duration_s is not None:
        frame = follow(view, _ignore, duration_s, history)
    else:
        frame, _ = view.poll(why_not, _TIMEOUT_S)
    if frame.status.state is State.GONE:
        raise device_gone(session.target, frame.status)
    facts = inspected_facts(session, frame, view.renderer, history)
    return session_document(session, frame, view.renderer, facts, also_open(session, pids))


def _ignore(_changes: object) -> None:
    """The document tells what the changes led to."""
