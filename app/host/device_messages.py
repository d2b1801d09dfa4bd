"""Tells which lines of the kernel's log, or of the vGPU manager's, are about one device or its driver.

The sources of the texts: drivers/gpu/drm/i915/gvt of Linux (gvt_err() and gvt_vgpu_err() in debug.h print "gvt: ",
enter_failsafe_mode() in handlers.c prints four sentences without a prefix), and samples/vfio-mdev, whose dev_info()
prints the names of driver and device. NVIDIA's manager writes "vmiop_log" or "vmiop_env_log" lines to the journal with
the name "nvidia-vgpu-mgr"; its kernel modules print "[nvidia-vgpu-vfio]" and "NVRM".
"""

import re

from app.host.log_line import Accept
from app.host.vgpu import Vgpu, is_nvidia

NVIDIA_MANAGER = "SYSLOG_IDENTIFIER=nvidia-vgpu-mgr"
"""The match for the messages of NVIDIA's vGPU manager in the journal."""

NVIDIA_WORDS = "'journalctl -u nvidia-vgpu-mgr' and 'sudo dmesg | grep nvidia-vgpu-vfio'"
"""Where NVIDIA's manager and driver say why a vGPU does not start."""

_WARNING, _NOTICE = 4, 5
_FAILSAFE = (
    "Detected your guest driver doesn't support GVT-g",
    "Graphics resource is not enough for the guest",
    "GVT Internal error",
    "will enter failsafe mode",
)
_GVT_NUMBER = re.compile(r"\bvgpu ?(\d{1,9})\b")
_SAMPLES = ("mbochs", "mdpy", "mtty")


def concerns(vgpu: Vgpu | None) -> Accept:
    """A function that tells whether a line is about this device; without one, about any of its kind."""
    name = vgpu.name if vgpu is not None else None
    kind = f"{vgpu.type_id or ''} {vgpu.driver or ''} {vgpu.module or ''}".lower() if vgpu is not None else ""

    def accept(level: int, text: str) -> bool:
        if name is not None and name in text:
            return True
        if _is_gvt(kind) or vgpu is None:
            if "gvt: " in text or "GVT-g" in text or any(each in text for each in _FAILSAFE):
                return _is_gvt_number(text, vgpu)
            if vgpu is not None and vgpu.parent is not None and vgpu.parent in text:
                return level <= _WARNING
        if (is_nvidia(vgpu) or vgpu is None) and _is_nvidia_line(level, text):
            return True
        if any(each in kind and text.startswith(each) for each in _SAMPLES):
            # A line with the name of another device is not about this one.
            return not _names_a_device(text)
        return level <= _WARNING and text.lower().startswith(("vfio", "iommufd")) and not _names_a_device(text)

    return accept


def _is_gvt(kind: str) -> bool:
    return "gvt" in kind


def _is_gvt_number(text: str, vgpu: Vgpu | None) -> bool:
    """Whether a line is about this vGPU, or names none: the reason of the failsafe mode comes in a line of its own."""
    found = _GVT_NUMBER.search(text)
    return found is None or vgpu is None or vgpu.gvt_id is None or int(found[1]) == vgpu.gvt_id


def _is_nvidia_line(level: int, text: str) -> bool:
    if "vmiop_" in text:
        # The manager writes the level into the text; the facts of each start are notices.
        return "error" in text or "Xid" in text or level <= _WARNING
    return "nvidia-vgpu-vfio" in text or (text.startswith("NVRM") and level <= _NOTICE)


_DEVICE = re.compile(r"\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\b")


def _names_a_device(text: str) -> bool:
    return _DEVICE.search(text) is not None
