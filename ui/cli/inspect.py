"""``mdevview inspect``: the planes of a device, how they are imported, and findings."""

import argparse
import json
import time
from typing import Any

from app.attach.helper_fds import HelperMethod
from app.diagnosis.finding_document import error_document
from app.diagnosis.history import PictureHistory
from app.diagnosis.picture_findings import device_gone
from app.errors import MdevviewError
from app.open.opening import OpenOptions
from app.planes.frame import Frame
from app.planes.plane_document import Document
from app.planes.status import State, Status
from gl.inspection import inspect_document, inspected_facts
from ui.cli.output import printable, write_output
from ui.offscreen import open_offscreen

# How long to wait for a first picture. A mode switch, and mbochs' first answer, take less.
_TIMEOUT_S = 0.5


def run(args: argparse.Namespace) -> int:
    """Print what the device shows now. Raises MdevviewError when it cannot be opened, or is removed meanwhile."""
    try:
        document = _inspected(args)
    except MdevviewError as error:
        if args.json:
            write_output(json.dumps(error_document(error), indent=2))
        raise
    if args.json:
        write_output(json.dumps(document, indent=2))
    else:
        write_output("\n".join(map(printable, _lines(document))))
    return 0


def _inspected(args: argparse.Namespace) -> Document:
    with open_offscreen(args.target, OpenOptions(HelperMethod(args.helper))) as view:
        session, history = view.session, PictureHistory(time.monotonic_ns(), sees_pixels=False)

        def why_not(frame: Frame) -> Status | None:
            history.saw(frame, time.monotonic_ns())
            return _why_not(frame)

        frame, _ = view.poll(why_not, _TIMEOUT_S)
        if frame.status.state is State.GONE:
            raise device_gone(session.target, frame.status)
        facts = inspected_facts(session, frame, view.renderer, history)
        return inspect_document(session.target, frame, session.describe(), view.renderer, facts)


def _why_not(frame: Frame) -> Status | None:
    """None once there is a picture."""
    return None if frame.primary is not None else frame.status


def _lines(document: Document) -> list[str]:
    """The document for people."""
    device, renderer = document["device"], document["renderer"]
    lines = [_pair("target", document["target"]), _pair("state", f"{document['state']} ({document['reason']})")]
    if document["detail"]:
        lines.append(_pair("detail", document["detail"]))
    if document["hint"]:
        lines.append(_pair("hint", document["hint"]))
    for name, plane in document["planes"].items():
        lines += _plane_lines(name, plane)
    # The state and the hint above tell the finding about the primary plane already.
    lines += [
        _pair("finding", _finding_text(each)) for each in document["findings"] if each["key"] != document["reason"]
    ]
    kinds = [device[key] for key in ("type", "driver") if device[key]]
    lines.append(_pair("device", ", ".join(kinds) + (" (simulated)" if device["simulated"] else "") or "unknown"))
    for region in device.get("regions", ()):
        lines.append(_pair(f"region {region['index']}", region.get("error") or _region_text(region)))
    if edid := device.get("edid"):
        lines.append(_pair("edid", edid.get("error") or _edid_text(edid)))
    imports = "imports dma-bufs" if renderer["imports_dmabufs"] else "cannot import dma-bufs"
    lines.append(_pair("renderer", f"{renderer['name']}, {imports}"))
    return lines


def _pair(key: str, value: str) -> str:
    """One line. Without a key it continues the line before."""
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


def _finding_text(finding: Document) -> str:
    remedy = f" {finding['remedy']}" if finding["remedy"] else ""
    return f"{finding['message']}{remedy}"


def _backing_text(plane: Document) -> str:
    buffer: dict[str, Any] | None = plane["buffer"]
    if plane["backing"] == "region":
        return f"region {plane['region_index']}"
    text = "memory" if plane["backing"] == "memory" else "dma-buf"
    if plane["dmabuf_id"] is not None:
        text += f" id {plane['dmabuf_id']}"
    if buffer is not None:
        exporter = f" of {buffer['exporter']}" if buffer["exporter"] else ""
        inode = f", inode {buffer['inode']}" if buffer["inode"] is not None else ""
        text += f", {buffer['size']} bytes{exporter}{inode}"
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
    contents = f"; {', '.join(screen)}" if screen else ""
    return f"{edid['size']} of {edid['max_size']} bytes, link {link}{limit}{contents}"
