"""What a run was made on and with: the facts that make it reproducible, and comparable with another."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import __version__
from app.host.vgpu import Vgpu
from app.planes.display_facts import DisplayFacts

_LONGEST_CPUINFO = 1 << 16


def metadata(
    vgpu: Vgpu | None, options: Mapping[str, Any], started: str, environ: Mapping[str, str] = os.environ
) -> dict[str, Any]:
    """``options`` are those that change what is measured, ``started`` the date and time of the start (ISO 8601)."""
    return {
        "mdevview_version": __version__,
        "python_version": platform.python_version(),
        "started": started,
        "kernel": os.uname().release,
        "machine": os.uname().machine,
        "cpu": cpu_name(),
        "cpu_count": os.cpu_count(),
        "usable_cpu_count": len(os.sched_getaffinity(0)),
        "driver": vgpu.driver if vgpu is not None else None,
        "module": vgpu.module if vgpu is not None else None,
        "vgpu_type": vgpu.type_id if vgpu is not None else None,
        "simulated": vgpu.simulated if vgpu is not None else False,
        "session_type": environ.get("XDG_SESSION_TYPE"),
        "desktop": environ.get("XDG_CURRENT_DESKTOP"),
        "options": dict(options),
    }


def frames_metadata(display: DisplayFacts | None, *, polled: bool) -> dict[str, Any]:
    """How frames come: ``frames`` is "polled" or "pushed", ``scanout`` how a pushed source sends pixels.

    ``guest_waits``: the guest's next frame waits until this program has taken the one before. Both are null for a
    source that is polled.
    """
    return {
        "frames": "polled" if polled else "pushed",
        "scanout": display.scanout if display is not None else None,
        "guest_waits": display.acknowledged if display is not None else None,
    }


def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """The name of the first processor; None if the kernel does not tell one (proc(5), /proc/cpuinfo)."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LONGEST_CPUINFO)
    except OSError:
        return None
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip() == "model name":
            return value.strip()
    return None
