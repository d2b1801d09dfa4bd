"""Checks of displays in processes of their own: what EGL offers on each render node, although a driver may hang."""

import json
import os
import sys
from collections.abc import Mapping, Sequence

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.report.finding_document import finding_of_document
from app.host.child_checks import CheckEnd, ChildChecks

_COMMAND = (sys.executable, "-P", "-m", "gl.display_check_child")
_PREFIX = "display:"
# A host with more GPUs is rare, and each process needs some 100 MiB for a moment.
_MOST_NODES = 8


def start_display_checks(checks: ChildChecks, nodes: Sequence[str], exporting: Sequence[str]) -> None:
    """Start one for the display of commands without a window, and one for each render node (``/dev/dri/renderD128``).

    ``exporting`` are the addresses of the GPUs that export the vGPUs' dma-bufs.
    """
    for node in ("", *nodes[:_MOST_NODES]):
        checks.start(_PREFIX + node, [*_COMMAND, node, str(os.getpid()), *exporting])


def display_findings(ends: Mapping[str, CheckEnd]) -> list[Finding]:
    """The findings of these checks; other checks are ignored."""
    found: list[Finding] = []
    for name, end in ends.items():
        if name.startswith(_PREFIX):
            found += _findings(name.removeprefix(_PREFIX), end)
    return found


def _findings(node: str, end: CheckEnd) -> list[Finding]:
    fault = end.fault
    if not fault:
        try:
            return [finding_of_document(each) for each in json.loads(end.output)]
        except (ValueError, KeyError, TypeError):
            fault = "its answer is invalid"
    return [
        Finding(
            "egl-node" if node else "egl",
            Severity.WARNING if node else Severity.ERROR,
            f"the graphics driver of {node} does not survive a check"
            if node
            else "the graphics driver does not survive a check: windows, screenshot and inspect may fail",
            f"the process of the check: {fault}",
            "update the graphics driver; to draw with the CPU meanwhile: LIBGL_ALWAYS_SOFTWARE=1 mdevview",
        )
    ]
