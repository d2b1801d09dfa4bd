"""``mdevview inspect``: what a device scans out, and what became of it here."""

import argparse
import json
from typing import Any

from app.attach.helper_fds import HelperMethod
from app.open.opening import OpenOptions
from app.planes.document import Document, plane_document, status_document
from app.planes.frame import Frame
from app.planes.status import Status
from ui.cli.output import say
from ui.offscreen import OffscreenView, open_offscreen

# How long to wait for a first picture: a mode switch, and mbochs' first answer, pass in less.
_PATIENCE_S = 0.5
_VERSION = 1


def run(args: argparse.Namespace) -> int:
    """Look once and tell. Raises MdevviewError when the device cannot be opened."""
    with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper))) as view:
        frame, _ = view.look(_wanted, _PATIENCE_S)
        document = inspection(view, frame)
    if args.json:
        say(json.dumps(document, indent=2))
    else:
        say("\n".join(_lines(document)))
    return 0


def _wanted(frame: Frame) -> Status | None:
    return None if frame.primary is not None else frame.status


def inspection(view: OffscreenView, frame: Frame) -> Document:
    """The whole document: state, planes, device, display, renderer."""
    status = frame.status
    planes: dict[str, Document | None] = {"primary": None, "cursor": None}
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            outcome = view.renderer.outcome(surface)
            if surface is frame.primary:
                status = outcome.status
            planes[surface.plane.kind.name.lower()] = plane_document(
                surface.plane,
                surface.buffer,
                outcome.status,
                outcome.path.value if outcome.path is not None else None,
                [_failure(each.rung.value, each.egl_error, each.message) for each in outcome.failures],
            )
    for rejected in frame.rejected:
        planes[rejected.plane.kind.name.lower()] = plane_document(rejected.plane, rejected.buffer, rejected.status)
    context = view.renderer.context
    return {
        "version": _VERSION,
        **status_document(view.session.target, status),
        "planes": planes,
        **view.session.describe(),
        "renderer": {
            "name": context.renderer,
            "vendor": context.vendor,
            "version": context.version,
            "software": context.software,
            "imports_dmabufs": context.imports_dma_bufs,
        },
    }


def _failure(rung: str, egl_error: str | None, message: str) -> Document:
    return {"rung": rung, "egl_error": egl_error, "message": message}


def _lines(document: Document) -> list[str]:
    """The same for people."""
    device, renderer = document["device"], document["renderer"]
    lines = [_pair("target", document["target"]), _pair("state", f"{document['state']} ({document['reason']})")]
    if document["detail"]:
        lines.append(_pair("detail", document["detail"]))
    if document["hint"]:
        lines.append(_pair("hint", document["hint"]))
    for name, plane in document["planes"].items():
        lines += _plane_lines(name, plane)
    described = [device[key] for key in ("type", "driver") if device[key]]
    lines.append(_pair("device", ", ".join(described) + (" (simulated)" if device["simulated"] else "") or "unknown"))
    for region in device["regions"]:
        lines.append(_pair(f"region {region['index']}", region.get("error") or _region_text(region)))
    if device["edid"]:
        lines.append(_pair("edid", device["edid"].get("error") or _edid_text(device["edid"])))
    imports = "imports dma-bufs" if renderer["imports_dmabufs"] else "cannot import dma-bufs"
    lines.append(_pair("renderer", f"{renderer['name']}, {imports}"))
    return lines


def _pair(key: str, value: str) -> str:
    """One line; without a key it goes on with the line before."""
    return f"{f'{key}:' if key else '':<11} {value}"


def _plane_lines(name: str, plane: Document | None) -> list[str]:
    if plane is None:
        return [_pair(name, "off")]
    where = f" at {plane['x']},{plane['y']}" if name == "cursor" else ""
    if plane["hot_x"] is not None:
        where += f", hot spot {plane['hot_x']},{plane['hot_y']}"
    lines = [
        _pair(
            name,
            f"{plane['width']}x{plane['height']}{where}  {plane['fourcc']} ({plane['format_name']}) "
            f"{plane['modifier_name']}  stride {plane['stride']}",
        ),
        _pair("", _backing_text(plane)),
        _pair("", f"path {plane['path'] or 'none'}" + ("" if plane["reason"] == "ok" else f" ({plane['reason']})")),
    ]
    if plane["detail"]:
        lines.append(_pair("", plane["detail"]))
    for failure in plane["import_errors"]:
        code = f" ({failure['egl_error']})" if failure["egl_error"] else ""
        lines.append(_pair("", f"  {failure['rung']}: {failure['message']}{code}"))
    return lines


def _backing_text(plane: Document) -> str:
    buffer: dict[str, Any] | None = plane["buffer"]
    if plane["backing"] == "region":
        return f"region {plane['region_index']}"
    text = f"dma-buf id {plane['dmabuf_id']}"
    if buffer is not None:
        exporter = f" of {buffer['exporter']}" if buffer["exporter"] else ""
        text += f", {buffer['size']} bytes{exporter}, inode {buffer['inode']}"
    return text


def _region_text(region: Document) -> str:
    kind = f", type {region['type'][0]}/{region['type'][1]}" if region["type"] else ""
    return f"{region['size']} bytes at 0x{region['offset']:x}, flags 0x{region['flags']:x}{kind}"


def _edid_text(edid: Document) -> str:
    link = {True: "up", False: "down", None: "unknown"}[edid["link_up"]]
    limit = f", at most {edid['max_xres']}x{edid['max_yres']}" if edid["max_xres"] and edid["max_yres"] else ""
    preferred = edid["preferred"]
    screen = [f"{edid['name']!r}"] if edid["name"] else []
    if preferred:
        screen.append(f"prefers {preferred['width']}x{preferred['height']} at {preferred['refresh_hz']:.2f} Hz")
    shown = f"; {', '.join(screen)}" if screen else ""
    return f"{edid['size']} of {edid['max_size']} bytes, link {link}{limit}{shown}"
