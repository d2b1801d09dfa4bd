"""``mdevview inspect``: the planes of a device, how they are imported, and findings."""

import argparse
import json

from app.attach.helper_fds import HelperMethod
from app.diagnosis.picture_findings import device_gone
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.status import State, Status
from gl.session_document import session_document
from ui.cli.inspect_formats import print_formats
from ui.cli.inspect_text import inspect_lines
from ui.cli.inspect_watch import follow, watch
from ui.cli.output import write_output
from ui.offscreen import open_offscreen

# How long to wait for a first picture. A mode switch, and mbochs' first answer, take less.
_TIMEOUT_S = 0.5


def run(args: argparse.Namespace) -> int:
    """Print what the device shows now, or follow its changes.

    Raises MdevviewError when it cannot be opened; without ``--watch`` also when it is removed meanwhile.
    """
    if args.formats:
        return print_formats(args)
    with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper))) as view:
        if args.watch:
            return watch(view, as_json=args.json, duration_s=args.duration)
        session = view.session
        if args.duration is not None:
            frame = follow(view, _ignore, args.duration)
        else:
            frame, _ = view.poll(_why_not, _TIMEOUT_S)
        if frame.status.state is State.GONE:
            raise device_gone(session.target, frame.status)
        document = session_document(session, frame, view.renderer)
    if args.json:
        write_output(json.dumps(document, indent=2))
    else:
        write_output("\n".join(inspect_lines(document)))
    return 0


def _ignore(_changes: object) -> None:
    """The document tells what the changes led to."""


def _why_not(frame: Frame) -> Status | None:
    """None once there is a picture."""
    return None if frame.primary is not None else frame.status
