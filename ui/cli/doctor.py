"""``mdevview doctor``: what this host lacks to show a vGPU, each with its remedy."""

import argparse
import ctypes
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host import examine, wrong_gpu
from gl.diagnosis import graphics_findings
from ui.cli.output import printable, say

_SYMBOLS = {Severity.OK: "✓", Severity.INFO: "·", Severity.WARNING: "!", Severity.ERROR: "✗"}
_PLAIN = {Severity.OK: "+", Severity.INFO: "-", Severity.WARNING: "!", Severity.ERROR: "x"}
_INDENT = "    "


def run(args: argparse.Namespace) -> int:
    findings = [*examine(), *graphics_findings(wrong_gpu), *_session(), *_toolkit()]
    if args.json:
        say(json.dumps({"version": 1, "findings": [document(each) for each in findings]}, indent=2))
    else:
        say("\n".join(text(findings, _symbols())))
    return 1 if any(each.severity is Severity.ERROR for each in findings) else 0


def document(finding: Finding) -> dict[str, Any]:
    """One element of ``findings``; evidence and remedy are null where there is none."""
    return {
        "key": finding.key,
        "severity": finding.severity.value,
        "message": finding.message,
        "evidence": finding.evidence or None,
        "remedy": finding.remedy or None,
    }


def text(findings: list[Finding], symbols: dict[Severity, str]) -> Iterator[str]:
    """A line a finding; below what is amiss, what to do."""
    for each in findings:
        evidence = f" ({each.evidence})" if each.evidence else ""
        yield f"{symbols[each.severity]} {printable(each.message + evidence)}"
        if each.remedy:
            yield f"{_INDENT}{each.remedy}"


def _symbols() -> dict[Severity, str]:
    try:
        "".join(_SYMBOLS.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return _PLAIN
    return _SYMBOLS


def _session() -> Iterator[Finding]:
    """Where a window would open, judged as Qt does: by WAYLAND_DISPLAY and DISPLAY."""
    wayland, x11 = os.environ.get("WAYLAND_DISPLAY"), os.environ.get("DISPLAY")
    if wayland:
        yield Finding("session", Severity.OK, "this is a Wayland session", f"WAYLAND_DISPLAY={wayland}")
    elif x11:
        yield Finding(
            "session",
            Severity.INFO,
            "this is an X11 session: windows import dma-bufs only where the X server has DRI3",
            f"DISPLAY={x11}",
        )
        yield from _xcb_cursor()
    else:
        yield Finding(
            "session",
            Severity.INFO,
            "no Wayland or X11 session here: list, screenshot and inspect work, windows do not",
            "neither WAYLAND_DISPLAY nor DISPLAY is set",
        )


def _xcb_cursor() -> Iterator[Finding]:
    """The one library that Qt's X11 plugin needs and most systems do not have by themselves."""
    try:
        ctypes.CDLL("libxcb-cursor.so.0")
    except OSError as error:
        yield Finding(
            "xcb-cursor",
            Severity.ERROR,
            "Qt cannot open windows under X11 without libxcb-cursor",
            str(error),
            "install libxcb-cursor0 (Fedora: xcb-util-cursor)",
        )


def _toolkit() -> Iterator[Finding]:
    if importlib.util.find_spec("PyQt6") is None:
        yield Finding(
            "qt", Severity.ERROR, "PyQt6 is missing: windows cannot open", "", "install PyQt6 (pip install PyQt6)"
        )
