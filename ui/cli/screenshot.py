"""``mdevview screenshot``: one picture as a PNG file."""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.attach.helper_fds import HelperMethod
from app.errors import MdevviewError
from app.formats.yuv import Matrix
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.status import Reason, Status
from gl.options import Options, Which
from gl.renderer import Renderer
from ui.offscreen import open_offscreen
from ui.png import png_bytes


def run(args: argparse.Namespace) -> int:
    """Wait for a picture and save it. Raises MdevviewError."""
    which, options = Which(args.plane), Options(matrix=Matrix[args.matrix.upper()])
    taken: list[NDArray[np.uint8]] = []
    with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper))) as view:
        view.wait(lambda frame: _take(view.renderer, frame, which, options, taken), args.timeout)
    _save(args.output, png_bytes(taken[0], premultiplied=which is Which.CURSOR))
    return 0


def _take(
    renderer: Renderer, frame: Frame, which: Which, options: Options, taken: list[NDArray[np.uint8]]
) -> Status | None:
    """Capture into ``taken``; why there is nothing to capture otherwise."""
    surface = frame.cursor if which is Which.CURSOR else frame.primary
    if surface is None:
        rejected = [each.status for each in frame.rejected if each.plane.kind.name.lower() == which.value]
        if which is Which.CURSOR and frame.status.reason is Reason.OK:
            return rejected[0] if rejected else Status(Reason.PLANE_OFF, "the cursor plane is off")
        return frame.status
    pixels = renderer.capture(frame, which, options)
    if pixels is None:
        return renderer.outcome(surface).status
    taken.append(pixels)
    return None


def _save(output: str, png: bytes) -> None:
    try:
        if output == "-":
            sys.stdout.buffer.write(png)
            sys.stdout.buffer.flush()
        else:
            Path(output).write_bytes(png)
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "standard output" if output == "-" else output
        raise MdevviewError(f"{name}: {error.strerror}", "give another FILE with -o") from error
