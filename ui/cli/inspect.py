"""``mdevview inspect``: what a device scans out, and what became of it here."""

import argparse
import json
from typing import Any

from app.attach.helper_fds import HelperWay
from app.device.edid_region import find_edid_region, read_edid
from app.device.info import device_info, region_info
from app.device.seam import Device
from app.edid.parse import parse_edid
from app.errors import NoPicture, error_text
from app.open.source import Access
from app.planes.document import Document, plane_document, status_document
from app.planes.frame import Frame
from app.planes.status import Status
from ui.cli.output import say
from ui.offscreen import Offscreen, offscreen

# How long to wait for a first picture: a mode switch, and mbochs' first answer, pass in less.
_PATIENCE_S = 0.5
_VERSION = 1


def run(args: argparse.Namespace) -> int:
    """Look once and tell. Raises MdevviewError when the device cannot be opened."""
    with offscreen(args.target, Access(HelperWay(args.helper))) as looking:
        try:
            frame = looking.wait(_wanted, _PATIENCE_S)
        except NoPicture:
            frame = looking.poller.frame
        document = inspection(looking, frame)
    if args.json:
        say(json.dumps(document, indent=2))
    else:
        say("\n".join(_lines(document)))
    return 0


def _wanted(frame: Frame) -> Status | None:
    return None if frame.primary is not None else frame.status


def inspection(looking: Offscreen, frame: Frame) -> Document:
    """The whole document: state, planes, device, display, renderer."""
    status = frame.status
    planes: dict[str, Document | None] = {"primary": None, "cursor": None}
    for surface in (frame.primary, frame.cursor):
        if surface is not None:
            outcome = looking.renderer.outcome(surface)
            if surface is frame.primary:
                status = outcome.status
            planes[surface.plane.kind.name.lower()] = plane_document(
                surface.plane,
                surface.buffer,
                outcome.status,
                outcome.path.value if outcome.path is not None else None,
                [_failure(each.method.value, each.egl_error, each.message) for each in outcome.failures],
            )
    for rejected in frame.rejected:
        planes[rejected.plane.kind.name.lower()] = plane_document(rejected.plane, rejected.buffer, rejected.status)
    offer = looking.poller.offer
    context = looking.renderer.context
    return {
        "version": _VERSION,
        **status_document(looking.source.target, status),
        "planes": planes,
        "display": {"dmabuf": offer.dmabuf, "region": offer.region} if offer is not None else None,
        "device": _device_document(looking),
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


def _device_document(looking: Offscreen) -> Document:
    vgpu = looking.source.vgpu
    device = looking.poller.device
    known: Document = {
        "name": vgpu.name if vgpu else None,
        "type": vgpu.type_id if vgpu else None,
        "driver": vgpu.driver if vgpu else None,
        "module": vgpu.module if vgpu else None,
        "simulated": bool(vgpu and vgpu.simulated),
    }
    try:
        info = device_info(device)
        regions = [each for index in range(min(info.num_regions, 64)) if (each := _region(device, index))]
        return known | {"flags": info.flags, "regions": regions, "edid": _edid(device)}
    except OSError as error:
        return known | {"flags": None, "regions": [], "edid": None, "error": error_text(error)}


def _region(device: Device, index: int) -> Document | None:
    """None for a region that is not there (size 0)."""
    try:
        info = region_info(device, index)
    except OSError as error:
        return {"index": index, "error": error_text(error)}
    if not info.size:
        return None
    return {
        "index": index,
        "size": info.size,
        "offset": info.offset,
        "flags": info.flags,
        "type": list(info.type) if info.type else None,
    }


def _edid(device: Device) -> Document | None:
    try:
        region = find_edid_region(device)
        if region is None:
            return None
        edid = read_edid(device, region)
    except OSError as error:
        return {"error": error_text(error)}
    return {
        "region_index": edid.index,
        "size": len(edid.blob),
        "max_size": edid.max_size,
        "max_xres": edid.max_xres,
        "max_yres": edid.max_yres,
        "link_up": edid.link_up,
        **_edid_contents(edid.blob),
    }


def _edid_contents(blob: bytes) -> Document:
    """The screen that the guest sees: None for both where the bytes are no EDID, or none was set."""
    try:
        screen = parse_edid(blob)
    except ValueError:
        return {"name": None, "preferred": None}
    mode = screen.preferred.mode if screen.preferred is not None else None
    preferred = {"width": mode.width, "height": mode.height, "refresh_hz": round(mode.refresh_hz, 3)} if mode else None
    return {"name": screen.name, "preferred": preferred}


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
