"""``mdevview screenshot``: one picture as a PNG file."""

import argparse

import numpy as np
from numpy.typing import NDArray

from app.attach.helper_fds import HelperMethod
from app.formats.yuv import Matrix
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.plane import PlaneKind
from app.planes.status import Reason, State, Status
from gl.capture import CaptureKind
from gl.draw_options import DrawOptions
from gl.errors import GlError
from gl.renderer import Renderer
from ui.cli.output_file import write_file
from ui.offscreen import open_offscreen
from ui.png import png_bytes


def run(args: argparse.Namespace) -> int:
    """Wait for a picture and save it. Raises MdevviewError."""
    kind, options = CaptureKind(args.plane), DrawOptions(matrix=Matrix[args.matrix.upper()])
    taken: list[NDArray[np.uint8]] = []
    with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper))) as view:
        view.wait(lambda frame: _capture(view.renderer, frame, kind, options, taken), args.timeout)
    write_file(args.output, png_bytes(taken[0], premultiplied=kind is CaptureKind.CURSOR))
    return 0


def _capture(
    renderer: Renderer, frame: Frame, kind: CaptureKind, options: DrawOptions, taken: list[NDArray[np.uint8]]
) -> Status | None:
    """Capture into ``taken`` and return None, or return why there is nothing to capture.

    Raises :class:`GlError` when OpenGL fails to draw the picture.
    """
    surface = frame.cursor if kind is CaptureKind.CURSOR else frame.primary
    if surface is None:
        return _missing_cursor(frame) if kind is CaptureKind.CURSOR else frame.status
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


def _missing_cursor(frame: Frame) -> Status:
    for rejected in frame.rejected:
        if rejected.plane.kind is PlaneKind.CURSOR:
            return rejected.status
    return Status(Reason.PLANE_OFF, "the cursor plane is off") if frame.status.reason is Reason.OK else frame.status
