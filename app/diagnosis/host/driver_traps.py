"""Known traps of graphics drivers, by driver and version. Each names its source. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.diagnosis.finding import Finding, Severity

_Version = tuple[int, int, int]
# The first Mesa whose llvmpipe imports dma-bufs.
_MESA_WITH_SOFTWARE_IMPORT = (24, 1, 0)


def mesa_version(version: str) -> _Version | None:
    """The version of Mesa in OpenGL's version string, None for another implementation."""
    match = re.search(r"\bMesa (\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", version)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def is_old_mesa(version: str) -> bool:
    """Whether OpenGL's version string names a Mesa whose llvmpipe does not import dma-bufs."""
    mesa = mesa_version(version)
    return mesa is not None and mesa < _MESA_WITH_SOFTWARE_IMPORT


@dataclass(frozen=True, slots=True)
class DriverFacts:
    """``driver`` is Mesa's name of the driver ("iris"), empty if unknown. The others are OpenGL's strings.

    ``software``: the CPU draws.
    """

    driver: str
    version: str
    renderer: str
    software: bool

    @property
    def mesa(self) -> _Version | None:
        """The version of Mesa, None for another implementation."""
        return mesa_version(self.version)


@dataclass(frozen=True, slots=True)
class _Trap:
    """``source`` is where the trap was seen or is described."""

    applies: Callable[[DriverFacts, _Version], bool]
    message: str
    remedy: str
    source: str


_TRAPS = (
    _Trap(
        lambda facts, mesa: facts.software and mesa < _MESA_WITH_SOFTWARE_IMPORT,
        "Mesa's software renderers import no dma-bufs before version 24.1",
        "update Mesa to 24.1 or newer",
        "Mesa's commit 'llvmpipe: Implement dmabuf handling' of 2024-05; seen with 22.3.6 and 25.0.7",
    ),
    _Trap(
        lambda facts, _mesa: facts.driver == "kms_swrast" or "kms_swrast" in facts.renderer,
        "Mesa's kms_swrast cannot read imported buffers: pictures stay black",
        "draw on EGL's own software device: unload vgem (sudo modprobe -r vgem), or leave out the render node",
        "drm_gem_dumb_map_offset() in Linux' drivers/gpu/drm/drm_gem.c refuses to map a buffer of another device",
    ),
    _Trap(
        lambda facts, mesa: facts.driver == "iris" and mesa[:2] == (20, 0),
        "Mesa 20.0 with iris shows GVT-g's buffers with blocks of old content",
        "update Mesa; or draw without its compression: INTEL_DEBUG=norbc mdevview",
        "https://github.com/intel/gvt-linux/issues/142",
    ),
)


def driver_trap_findings(facts: DriverFacts, node: str = "") -> Iterator[Finding]:
    """The traps that this driver has. ``node`` is its render node, empty for the display that EGL chooses."""
    mesa = facts.mesa
    if mesa is None:
        return
    for each in _TRAPS:
        if each.applies(facts, mesa):
            place = f"{node}: " if node else ""
            evidence = f"driver {facts.driver or 'unknown'}; {facts.version}; source: {each.source}"
            yield Finding("driver-trap", Severity.WARNING, place + each.message, evidence, each.remedy)
