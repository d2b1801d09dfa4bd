"""What the figures of ``mdevview bench`` depend on."""

import os
import platform
from pathlib import Path
from typing import Any

import app
from gl.context import Context


def bench_meta(context: Context, cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """The ``meta`` of a document."""
    return {
        "mdevview": app.__version__,
        "kernel": platform.release(),
        "cpu": _cpu(cpuinfo),
        "cpus": len(os.sched_getaffinity(0)),
        "renderer": context.renderer,
        "gl_version": context.version,
        "software": context.software,
        "imports_dmabufs": context.imports_dma_bufs,
    }


def _cpu(cpuinfo: Path) -> str:
    """The processor's name; its architecture where the kernel tells no name."""
    try:
        text = cpuinfo.read_text("utf-8", "replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.machine()
