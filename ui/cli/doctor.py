"""``mdevview doctor``: what this host lacks to show a vGPU, each with its remedy."""

import argparse
import ctypes
import importlib.util
import json
import os
import sys
from collections.abc import Iterator

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.finding_document import doctor_document
from app.diagnosis.gpu_findings import wrong_gpu
from app.diagnosis.host_findings import host_findings
from app.diagnosis.window_findings import session_findings, toolkit_findings
from app.host.discovery import discover
from app.host.gpu import address_of, exporting_gpus
from app.host.scan import HostScan
from gl.diagnosis import graphics_findings
from ui.cli.output import printable, write_output

_SYMBOLS = {Severity.OK: "✓", Severity.INFO: "·", Severity.WARNING: "!", Severity.ERROR: "✗"}
_ASCII_SYMBOLS = {Severity.OK: "+", Severity.INFO: "-", Severity.WARNING: "!", Severity.ERROR: "x"}
_INDENT = "    "


def run(args: argparse.Namespace) -> int:
    findings = _examine()
    if args.json:
        write_output(json.dumps(doctor_document(findings), indent=2))
    else:
        write_output("\n".join(lines(findings, _symbols())))
    return 1 if any(each.severity is Severity.ERROR for each in findings) else 0


def _examine() -> list[Finding]:
    vgpus = discover(HostScan.take())
    exporting = exporting_gpus(vgpus)
    return [
        *host_findings(vgpus),
        *graphics_findings(lambda render_node: wrong_gpu(address_of(render_node), exporting)),
        *session_findings(os.environ, ctypes.CDLL),
        *toolkit_findings(lambda name: importlib.util.find_spec(name) is not None),
    ]


def lines(findings: list[Finding], symbols: dict[Severity, str]) -> Iterator[str]:
    """A line for each finding, and below it a line for its remedy."""
    for each in findings:
        evidence = f" ({each.evidence})" if each.evidence else ""
        yield f"{symbols[each.severity]} {printable(each.message + evidence)}"
        if each.remedy:
            yield _INDENT + printable(each.remedy)


def _symbols() -> dict[Severity, str]:
    try:
        "".join(_SYMBOLS.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _ASCII_SYMBOLS
    return _SYMBOLS
