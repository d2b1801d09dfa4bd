"""``mdevview screenshot``: one picture as a PNG file, or the bytes of a plane."""

import argparse
import json

import numpy as np
from numpy.typing import NDArray

from app.attach.helper_fds import HelperMethod
from app.diagnosis.picture.picture_findings import status_finding
from app.errors import UsageError
from app.formats.yuv import Matrix
from app.host.gpu import AUTO
from app.open.opening import OpenOptions
from app.open.target import Default
from app.planes.frame import Frame
from app.planes.plane import PlaneKind
from app.planes.plane_document import Document, status_document
from app.planes.status import Reason, State, Status
from gl.capture import CaptureKind
from gl.draw_options import DrawOptions
from gl.errors import GlError
from gl.renderer import Renderer
from ui.cli import screenshot_bytes
from ui.cli.output import write_error, write_output
from ui.cli.output_file import is_standard_output, refuse_terminal, write_file
from ui.cli.plane_bytes import why_no_plane
from ui.offscreen import open_offscreen
from ui.png import png_bytes


def run(args: argparse.Namespace) -> int:
    """Wait for a picture and save it. Raises MdevviewError."""
    _check(args)
    if args.from_raw is not None or args.raw or args.reading is not None or args.guess:
        return screenshot_bytes.run(args)
    kind = CaptureKind(args.plane or CaptureKind.COMPOSITE.value)
    options = DrawOptions(matrix=Matrix[args.matrix.upper()])
    taken: list[NDArray[np.uint8]] = []
    with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper)), args.gpu) as view:
        frame = view.wait(lambda frame: _capture(view.renderer, frame, kind, options, taken), args.timeout)
        told = _told(view.renderer, frame, kind)
        target = view.session.target
    straight = frame.cursor is not None and frame.cursor.plane.straight_alpha
    write_file(args.output, png_bytes(taken[0], premultiplied=kind is CaptureKind.CURSOR and not straight))
    for name, status in told.items():
        if status.state is not State.SHOWING:
            found = status_finding(f"{target}, {name} plane", status)
            write_error(f"mdevview: {'; '.join(each for each in (found.message, found.remedy) if each)}")
    if args.json:
        # The document must not run into a picture on standard output.
        say = write_error if is_standard_output(args.output) else write_output
        say(json.dumps(_document(target, kind, told, args.output), indent=2))
    return 0


def _told(renderer: Renderer, frame: Frame, kind: CaptureKind) -> dict[str, Status]:
    """How each plane of the picture was drawn, or why it is missing in it, by the plane's name."""
    found: dict[str, Status] = {}
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            found[surface.plane.kind.name.lower()] = renderer.outcome(surface).status
    for rejected in frame.rejected:
        found.setdefault(rejected.plane.kind.name.lower(), rejected.status)
    return {name: each for name, each in found.items() if kind.value in (name, CaptureKind.COMPOSITE.value)}


def _document(target: str, kind: CaptureKind, told: dict[str, Status], output: str) -> Document:
    """What --json prints. The state of the picture is that of its first plane which is not just shown."""
    worst = next((each for each in told.values() if each.state is not State.SHOWING), Status(Reason.OK))
    planes = {}
    for name, status in told.items():
        planes[name] = status_document(target, status)
        del planes[name]["target"]
    return {"version": 1, **status_document(target, worst), "plane": kind.value, "output": output, "planes": planes}


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that do not go together."""
    if args.output is None and not args.guess:
        raise UsageError("the option -o/--output is required", "name the file")
    refuse_terminal(args.output, "-o")
    if args.raw and (args.reading is not None or args.guess or args.from_raw is not None):
        raise UsageError(
            "--raw writes the bytes as they lie, so it goes with none of --as, --guess and --from-raw",
            "write them first, then read the file with --from-raw",
        )
    if args.from_raw is not None and not isinstance(args.target, Default):
        raise UsageError("--from-raw reads a file, so there is no TARGET", "leave out one of them")
    if args.best is not None and not args.guess:
        raise UsageError("--best is about the readings of --guess", "add --guess")
    reads_bytes = args.raw or args.reading is not None or args.guess
    if reads_bytes and args.gpu != AUTO:
        raise UsageError("--gpu does not go with --raw, --as and --guess: the CPU reads those bytes", "leave it out")
    if args.json and not args.guess and (reads_bytes or args.from_raw is not None):
        raise UsageError("--json is about the state of a picture, or the readings of --guess", "leave it out")
    if reads_bytes and args.plane == CaptureKind.COMPOSITE.value:
        raise UsageError(
            "the composite has no bytes of its own: the GPU makes it of the planes", "give --plane primary or cursor"
        )


def _capture(
    renderer: Renderer, frame: Frame, kind: CaptureKind, options: DrawOptions, taken: list[NDArray[np.uint8]]
) -> Status | None:
    """Capture into ``taken`` and return None, or return why there is nothing to capture.

    Raises :class:`GlError` when OpenGL fails to draw the picture.
    """
    surface = frame.cursor if kind is CaptureKind.CURSOR else frame.primary
    if surface is None:
        return why_no_plane(frame, PlaneKind.CURSOR if kind is CaptureKind.CURSOR else PlaneKind.PRIMARY)
    try:
        pixels = renderer.capture(frame, kind, options)
    except GlError:
        status = renderer.outcome(surface).status
        if status.state is not State.ERROR:
            raise
        # The upload failed. It is tried again until the timeout.
        return status
    if pixels is None:
        return renderer.outcome(surface).status
    taken.append(pixels)
    return None
