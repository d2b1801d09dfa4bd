"""``mdevview screenshot``: one picture as a PNG file, or the bytes of a plane."""

import argparse

import numpy as np
from numpy.typing import NDArray

from app.attach.helper_fds import HelperMethod
from app.errors import UsageError
from app.formats.yuv import Matrix
from app.host.gpu import AUTO
from app.open.opening import OpenOptions
from app.open.target import Default
from app.planes.frame import Frame
from app.planes.plane import PlaneKind
from app.planes.status import State, Status
from gl.capture import CaptureKind
from gl.draw_options import DrawOptions
from gl.errors import GlError
from gl.renderer import Renderer
from ui.cli import screenshot_bytes
from ui.cli.output_file import write_file
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
        view.wait(lambda frame: _capture(view.renderer, frame, kind, options, taken), args.timeout)
    write_file(args.output, png_bytes(taken[0], premultiplied=kind is CaptureKind.CURSOR))
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that do not go together."""
    if args.output is None and not args.guess:
        raise UsageError("the option -o/--output is required", "name the file")
    if args.raw and (args.reading is not None or args.guess or args.from_raw is not None):
        raise UsageError(
            "--raw writes the bytes as they lie, so it goes with none of --as, --guess and --from-raw",
            "write them first, then read the file with --from-raw",
        )
    if args.from_raw is not None and not isinstance(args.target, Default):
        raise UsageError("--from-raw reads a file, so there is no TARGET", "leave out one of them")
    if (args.json or args.best is not None) and not args.guess:
        raise UsageError("--json and --best are about the readings of --guess", "add --guess")
    reads_bytes = args.raw or args.reading is not None or args.guess
    if reads_bytes and args.gpu != AUTO:
        raise UsageError("--gpu does not go with --raw, --as and --guess: the CPU reads those bytes", "leave it out")
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
