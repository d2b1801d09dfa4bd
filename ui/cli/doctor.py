"""``mdevview doctor``: what this host lacks to show a vGPU, each with its remedy."""

import argparse
import ctypes
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.diagnosis.finding import Finding, Severity
from app.diagnosis.host import examine, wrong_gpu
from app.formats.fourcc import fourcc_text
from ui.cli.output import printable, say

if TYPE_CHECKING:
    from gl.context import SurfacelessContext

_SYMBOLS = {Severity.OK: "✓", Severity.INFO: "·", Severity.WARNING: "!", Severity.ERROR: "✗"}
_PLAIN = {Severity.OK: "+", Severity.INFO: "-", Severity.WARNING: "!", Severity.ERROR: "x"}
_INDENT = "    "


def run(args: argparse.Namespace) -> int:
    findings = [*examine(), *_graphics(), *_session(), *_toolkit()]
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


def _graphics() -> Iterator[Finding]:
    """What the screenshot and inspect commands draw with; a window gets its display from its session instead."""
    try:
        # Importing it loads the OpenGL libraries, whose absence is a finding like any other.
        from gl.context import SurfacelessContext  # noqa: PLC0415
        from gl.errors import GraphicsError  # noqa: PLC0415
    except ImportError as error:
        yield _no_egl(error)
        return
    try:
        with SurfacelessContext() as context:
            yield from _renderer(context)
    except GraphicsError as error:
        yield _no_egl(error)


def _no_egl(error: Exception) -> Finding:
    return Finding(
        "egl",
        Severity.ERROR,
        "no EGL context without a window: screenshot and inspect cannot work",
        " ".join(str(error).split()),
        "install Mesa's EGL and drivers (Debian: libegl1 libegl-mesa0 libgles2 libgl1-mesa-dri)",
    )


def _renderer(context: "SurfacelessContext") -> Iterator[Finding]:
    display = context.display
    evidence = f"{context.vendor}; {context.version}; EGL {display.version}"
    if context.software:
        yield Finding(
            "egl",
            Severity.WARNING,
            f"EGL draws with the CPU: {context.renderer}",
            evidence,
            "install the driver of this host's GPU and give this user access to /dev/dri/renderD*",
        )
    else:
        node = f" on {display.render_node}" if display.render_node else ""
        yield Finding("egl", Severity.OK, f"EGL draws with {context.renderer}{node}", evidence)
        other = wrong_gpu(display.render_node) if display.render_node else None
        if other is not None:
            yield other
    if not context.imports_dma_bufs:
        yield _no_import(context)
        return
    modifiers = sum(len(display.modifiers(each)) for each in display.formats)
    yield Finding(
        "dmabuf-import",
        Severity.OK,
        f"EGL imports dma-bufs in {len(display.formats)} formats, {modifiers} combinations with modifiers",
        " ".join(sorted(fourcc_text(each).strip() for each in display.formats)),
    )


def _no_import(context: "SurfacelessContext") -> Finding:
    found = re.search(r"Mesa (\d+)\.(\d+)", context.version)
    old = context.software and found is not None and (int(found[1]), int(found[2])) < (24, 1)
    return Finding(
        "dmabuf-import",
        Severity.WARNING,
        "EGL cannot import dma-bufs: every frame is copied, and what the CPU may not read (GVT-g) cannot be shown",
        context.version,
        "Mesa draws into imported buffers with the CPU from version 24.1 on: update Mesa"
        if old
        else "use a driver with EGL_EXT_image_dma_buf_import",
    )


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
