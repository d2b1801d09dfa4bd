"""What decides whether a driver survives an import, and what the process of a trial must know to repeat it."""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.formats.fourcc import format_name
from app.formats.modifier import modifier_name
from app.planes.buffer import Buffer
from app.planes.plane import Backing, Plane, PlaneKind
from gl.context import Context
from gl.egl_display import DisplayOrigin, Platform

# Drivers want rows at multiples of 64 or 256 bytes, and take another way where they are not.
_MAX_ALIGNMENT = 256
_LONGEST_FACT = 120


def renderer_facts(context: Context) -> dict[str, str]:
    """What identifies the driver behind a context, its version and its device."""
    display = context.display
    facts = {
        "egl": f"{display.vendor} {display.version}",
        "driver": display.driver,
        "node": display.render_node or "",
        "vendor": context.vendor,
        "renderer": context.renderer,
        "version": context.version,
    }
    return {name: value[:_LONGEST_FACT] for name, value in facts.items()}


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """One import to try. ``origins`` are displays to try it on, in order: the first with equal ``facts`` is the one.

    ``evidence`` asks for an import that this program never makes, and for what EGL and OpenGL answered.
    """

    plane: Plane
    facts: Mapping[str, str]
    origins: tuple[DisplayOrigin, ...]
    evidence: bool = False

    def to_json(self) -> str:
        """For the command line of the trial's process."""
        plane = asdict(self.plane) | {"kind": self.plane.kind.value, "backing": self.plane.backing.value}
        origins = [(each.platform.value, each.node) for each in self.origins]
        return json.dumps({"plane": plane, "facts": dict(self.facts), "origins": origins, "evidence": self.evidence})


def parse_request(text: str) -> TrialRequest:
    """The request of :meth:`TrialRequest.to_json`."""
    document = json.loads(text)
    plane: dict[str, Any] = document["plane"]
    plane |= {"kind": PlaneKind(plane["kind"]), "backing": Backing(plane["backing"])}
    origins = tuple(DisplayOrigin(Platform(platform), node) for platform, node in document["origins"])
    return TrialRequest(Plane(**plane), document["facts"], origins, document["evidence"])


def trial_origins(context: Context) -> tuple[DisplayOrigin, ...]:
    """Displays that may reach the driver of a context, the likeliest first.

    A window's display cannot be shared with another process. Its own window system is the only way that surely loads
    the same driver in the same way; the others serve where another connection to it is refused.
    """
    display = context.display
    origin = display.origin
    if origin is not None and origin.platform not in (Platform.WAYLAND, Platform.X11):
        return (origin,)
    node = (DisplayOrigin(Platform.DEVICE, display.render_node),) if display.render_node else ()
    others = (*node, DisplayOrigin(Platform.SOFTWARE), DisplayOrigin(Platform.SURFACELESS))
    return (origin, *others) if origin is not None else others


def trial_key(context: Context, facts: Mapping[str, str], plane: Plane, buffer: Buffer) -> str:
    """The name of an import in the record: imports with equal names end alike.

    Width, height and position are not in it. A kernel's release is, as it has the exporter's driver and the node's.
    """
    fd = buffer.dmabuf_fd
    assert fd is not None
    mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    access = {os.O_RDONLY: "read-only", os.O_WRONLY: "write-only"}.get(mode, "read-write")
    origin = context.display.origin
    alignment = min(plane.stride & -plane.stride, _MAX_ALIGNMENT)
    return "; ".join(
        (
            origin.platform.value if origin is not None else "unknown",
            *(each for each in facts.values() if each),
            f"Linux {os.uname().release}",
            f"buffer of {(buffer.exporter or 'memory')[:_LONGEST_FACT]}, {access}",
            f"{format_name(plane.fourcc)} {modifier_name(plane.modifier)}",
            f"stride a multiple of {alignment}" + (", offset" if plane.offset else ""),
        )
    )
