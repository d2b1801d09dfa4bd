"""``mdevview inspect --formats``: what the driver can report, and what this display imports."""

import argparse
import json
import logging
from functools import partial

from app.attach.helper_fds import HelperMethod
from app.diagnosis.picture.format_matrix import format_matrix, matrix_document
from app.errors import AmbiguousTarget
from app.formats.driver_formats import driver_formats
from app.host.gpu import exporting_gpu
from app.host.scan import HostScan
from app.host.vgpu import Vgpu
from app.open.host_screens import find_screens
from app.open.opening import OpenOptions, open_chosen, open_resolved_device
from app.open.target import DbusBus, Default, InheritedFd, Pid, Replay, Simulated, Target, VmName, resolve
from gl.format_reach import reach
from gl.inspection import renderer_document
from gl.offscreen_context import open_context
from gl.renderer_facts import facts_of_renderer
from gl.session_document import egl_document
from ui.cli.formats_text import formats_lines
from ui.cli.output import write_output

_log = logging.getLogger(__name__)


def print_formats(args: argparse.Namespace) -> int:
    """Print the matrix. A vGPU is not opened for it. Raises MdevviewError and GlError."""
    vgpu = _vgpu(args.target, HelperMethod(args.helper))
    driver = driver_formats(vgpu.type_id, vgpu.module, simulated=vgpu.simulated) if vgpu is not None else None
    with open_context(args.gpu, exporting_gpu(vgpu)) as context:
        matrix = format_matrix(driver, facts_of_renderer(context).formats, partial(reach, context))
        renderer = renderer_document(context) | egl_document(context)
    if args.json:
        target = vgpu.name if vgpu is not None else None
        document = matrix_document(matrix)
        document = {"version": document.pop("version"), "target": target, "renderer": renderer, **document}
        write_output(json.dumps(document, indent=2))
    else:
        write_output("\n".join(formats_lines(matrix, renderer)))
    return 0


def _vgpu(target: Target, helper: HelperMethod) -> Vgpu | None:
    """The vGPU of a target; None if it is not known which one it is, or if no target is given and there are several.

    None also for a screen whose pictures are pushed: nothing says which formats it can send.
    """
    scan = HostScan.take()
    try:
        screens = find_screens(scan)
        chosen = resolve(target, screens.vgpus, screens.pushed_targets)
    except AmbiguousTarget as error:
        if not isinstance(target, Default):
            raise
        _log.info("the driver is left out: %s", error)
        return None
    if isinstance(chosen, Vgpu):
        return chosen
    if isinstance(chosen, VmName | Pid | DbusBus):
        session = open_chosen(chosen, options=OpenOptions(helper), scan=scan)
        session.close()
        return session.vgpu
    if not isinstance(chosen, InheritedFd | Simulated | Replay):
        return None
    opened = open_resolved_device(chosen, options=OpenOptions(helper))
    try:
        return opened.vgpu
    finally:
        opened.device.close()
