"""What ``mdevview inspect`` prints for people: the document as aligned lines of at most 100 characters."""

from itertools import groupby

from app.planes.plane_document import Document
from ui.cli.aligned import columns, pair, wrapped
from ui.cli.inspect_buffers import same_text
from ui.cli.inspect_vm_text import consoles_lines, messages_lines, vm_lines

# A driver may name thousands.
_MOST_AREAS = 16


def inspect_lines(document: Document) -> list[str]:
    """State, device, EGL, planes, buffers, regions, and the findings in their order."""
    lines = _state_lines(document) + _device_lines(document["device"], document["display"])
    lines += vm_lines(document.get("vm_display")) + messages_lines(document.get("messages"))
    lines += _renderer_lines(document["renderer"])
    for title, section in (
        ("screens of the VM (* is shown)", consoles_lines(document.get("vm_display"))),
        ("planes", _planes_lines(document["planes"], document["display"], document["device"])),
        ("buffers (* is on the screen)", _buffers_lines(document["buffers"])),
        ("regions", _regions_lines(document["device"].get("regions", ()))),
        ("findings", _findings_lines(document["findings"])),
    ):
        if section:
            lines += ["", f"{title}:", *section]
    return lines


def _state_lines(document: Document) -> list[str]:
    lines = pair("target", document["target"]) + pair("state", f"{document['state']} ({document['reason']})")
    if document["detail"]:
        lines += pair("detail", document["detail"])
    if document["unchanged_s"] is not None:
        seconds = document["unchanged_s"]
        lines += pair("unchanged", f"for {seconds:.1f} s" if seconds >= 1 else "no, planes or pixels change")
    # A finding tells the remedy, with its evidence.
    if document["hint"] and not document["findings"]:
        lines += pair("hint", document["hint"])
    return lines


def _device_lines(device: Document, display: Document | None) -> list[str]:
    driver = device["driver"]
    if driver and device["module"] and device["module"] != driver:
        driver += f" of module {device['module']}"
    kinds = [each for each in (device["type"], driver) if each]
    text = ", ".join(kinds) + (" (simulated)" if device["simulated"] else "")
    lines = pair("device", text.strip() or "unknown")
    if "error" in device:
        lines += pair("", device["error"])
    if device.get("flag_names"):
        lines += pair("flags", ", ".join(device["flag_names"]))
    if display is not None:
        offers = [name for key, name in (("dmabuf", "dma-bufs"), ("region", "a region")) if display[key]]
        lines += pair("offers", " and ".join(offers) or "no display")
    if edid := device.get("edid"):
        lines += pair("edid", edid.get("error") or _edid_text(edid))
    return lines


def _edid_text(edid: Document) -> str:
    link = {True: "up", False: "down", None: "unknown"}[edid["link_up"]]
    limit = f", at most {edid['max_xres']}x{edid['max_yres']}" if edid["max_xres"] and edid["max_yres"] else ""
    preferred = edid["preferred"]
    screen = [f"{edid['name']!r}"] if edid["name"] else []
    if preferred:
        screen.append(f"prefers {preferred['width']}x{preferred['height']} at {preferred['refresh_hz']:.2f} Hz")
    if edid["manufacturer"]:
        screen.append(f"manufacturer {edid['manufacturer']}, product 0x{edid['product']:04x}")
    contents = f"; {', '.join(screen)}" if screen else ""
    return f"{edid['size']} of {edid['max_size']} bytes, link {link}{limit}{contents}"


def _renderer_lines(renderer: Document) -> list[str]:
    imports = "imports dma-bufs" if renderer["imports_dmabufs"] else "cannot import dma-bufs"
    lines = pair("renderer", f"{renderer['name']}, {imports}")
    lines += pair("", f"{renderer['vendor']}; {renderer['version']}")
    egl = [f"{renderer['egl_vendor']} {renderer['egl_version']}"]
    for key, name in (("platform", "platform"), ("driver", "driver"), ("render_node", "on")):
        if renderer[key]:
            egl.append(f"{name} {renderer[key]}")
    lines += pair("egl", ", ".join(egl))
    if renderer["fallback_reason"]:
        lines += pair("", f"chosen by EGL: {renderer['fallback_reason']}")
    lines += pair("has", ", ".join(renderer["extensions"]) or "no extension that imports need")
    if renderer["missing_extensions"]:
        lines += pair("lacks", ", ".join(renderer["missing_extensions"]))
    return lines


_PLANE_HEADER = ("PLANE", "SIZE", "AT", "HOT SPOT", "FORMAT", "STRIDE", "BUFFER", "PATH", "MODIFIER")


def _missing_text(name: str, plane: Document | None, display: Document | None, *, has_cursor_plane: bool) -> str:
    """Why a plane is not in the table. ``plane`` is what is known of one that the driver refused to describe."""
    if plane is not None:
        detail = f": {plane['detail']}" if plane["detail"] else ""
        return f"{name} is refused: {plane['reason']}{detail}"
    # The region driver mdpy answers each query with the primary plane.
    if name == "cursor" and not has_cursor_plane:
        return "cursor: the guest's display has no cursor plane, it draws the cursor into the picture"
    if name == "cursor" and display is not None and display["region"] and not display["dmabuf"]:
        return "cursor: this driver has no cursor plane"
    return f"{name} is off"


def _planes_lines(planes: Document, display: Document | None, device: Document) -> list[str]:
    shown = {name: plane for name, plane in planes.items() if plane is not None and plane["fourcc"] is not None}
    off = []
    has_cursor_plane = device.get("cursor_plane", True)
    for name, plane in planes.items():
        if name not in shown:
            off += wrapped(_missing_text(name, plane, display, has_cursor_plane=has_cursor_plane), "  ", "    ")
    if not shown:
        return off
    table = columns([_PLANE_HEADER, *(_plane_row(name, plane) for name, plane in shown.items())], right={5})
    notes = []
    for name, plane in shown.items():
        for note in _plane_notes(plane):
            notes += wrapped(f"{name}: {note}", "  ", "    ")
    return table + off + notes


def _plane_row(name: str, plane: Document) -> tuple[str, ...]:
    hot = "-" if plane["hot_x"] is None else f"{plane['hot_x']},{plane['hot_y']}"
    return (
        name,
        f"{plane['width']}x{plane['height']}",
        f"{plane['x']},{plane['y']}",
        hot,
        plane["fourcc"],
        str(plane["stride"]),
        _backing_text(plane),
        plane["path"] or "none",
        plane["modifier_name"],
    )


def _plane_notes(plane: Document) -> list[str]:
    buffer = plane["buffer"]
    notes = [f"{plane['fourcc']} is {plane['format_name']}"] if plane["format_name"] != plane["fourcc"] else []
    if buffer is not None and buffer["inode"] is not None:
        exporter = f", exporter {buffer['exporter']}" if buffer["exporter"] else ""
        notes.append(f"{buffer['size']} bytes, inode {buffer['inode']}{exporter}")
    elif buffer is not None:
        notes.append(f"{buffer['size']} bytes")
    if plane.get("import_method"):
        notes.append(f"imported by {plane['import_method']}")
    notes = [", ".join(notes)] if notes else []
    bridge = plane.get("bridge")
    if bridge is not None:
        where = f", {bridge['render_node']}" if bridge["render_node"] else ""
        why = f": {bridge['detail']}" if bridge["detail"] else ""
        notes.append(f"over the bridge from {bridge['gpu']}{where}, handed over as {bridge['form']}{why}")
    if plane["reason"] != "ok":
        notes.append(f"{plane['reason']}" + (f": {plane['detail']}" if plane["detail"] else ""))
    for failure in plane["import_errors"]:
        code = f" ({failure['egl_error']})" if failure["egl_error"] else ""
        notes.append(f"{failure['rung']} failed: {failure['message']}{code}")
    return notes


def _backing_text(plane: Document) -> str:
    if plane["backing"] == "region":
        return f"region {plane['region_index']}"
    return "memory" if plane["dmabuf_id"] is None else f"id {plane['dmabuf_id']}"


_BUFFER_HEADER = ("", "ID", "BYTES", "FD", "INODE", "SHOWN", "FETCHES", "HITS", "IMPORTS", "NAME")


def _buffers_lines(buffers: list[Document]) -> list[str]:
    """One table of all, with a line above those of equal layout and exporter."""
    ordered = sorted(buffers, key=lambda each: (each["plane"] != "primary", _layout_text(each)))
    table = columns([_BUFFER_HEADER, *map(_buffer_row, ordered)], right=range(1, 9))
    lines, at = [table[0]], 1
    for layout, same in groupby(ordered, _layout_text):
        lines += wrapped(layout, "  ", "    ")
        count = len(list(same))
        lines += table[at : at + count]
        at += count
    for buffer in ordered:
        if others := same_text(buffer):
            lines += wrapped(f"inode {buffer['inode']} is the same buffer as {others}", "  ", "    ")
    return lines if buffers else []


def _layout_text(buffer: Document) -> str:
    exporter = f", exporter {buffer['exporter']}" if buffer["exporter"] else ""
    size = f"{buffer['width']}x{buffer['height']}"
    layout = f"{buffer['fourcc']} {buffer['modifier_name']}, stride {buffer['stride']}"
    return f"{buffer['plane']}: {size} {layout}{exporter}"


def _buffer_row(buffer: Document) -> tuple[str, ...]:
    identity = buffer["dmabuf_id"] if buffer["dmabuf_id"] is not None else buffer["region_index"]
    numbers = (identity, *(buffer[key] for key in ("size", "fd", "inode", "times_shown", "fetches", "hits", "imports")))
    cells = ("-" if each is None else str(each) for each in numbers)
    return ("*" if buffer["on_screen"] else " ", *cells, buffer["name"] or "-")


_REGION_HEADER = ("INDEX", "NAME", "BYTES", "OFFSET", "ACCESS", "MAPPABLE")


def _regions_lines(regions: list[Document]) -> list[str]:
    if not regions:
        return []
    return columns([_REGION_HEADER, *map(_region_row, regions)], right={0, 2, 3})


def _region_row(region: Document) -> tuple[str, ...]:
    name = region["name"] or "-"
    if "error" in region:
        return (str(region["index"]), name, "-", "-", "-", region["error"])
    access = "".join({"read": "r", "write": "w", "mmap": "m"}.get(each, f" {each}") for each in region["access"])
    offset = f"0x{region['offset']:x}"
    return (str(region["index"]), name, str(region["size"]), offset, access or "none", _mappable_text(region))


def _mappable_text(region: Document) -> str:
    if "mmap" not in region["access"]:
        return "no"
    areas = region["sparse_areas"]
    if areas is None:
        return "whole"
    texts = [f"0x{each['size']:x} at 0x{each['offset']:x}" for each in areas[:_MOST_AREAS]]
    if len(areas) > _MOST_AREAS:
        texts.append(f"{len(areas) - _MOST_AREAS} more areas (--json has all)")
    return ", ".join(texts) or "no area"


def _findings_lines(findings: list[Document]) -> list[str]:
    lines = []
    for finding in findings:
        lines += wrapped(finding["message"], f"  {finding['severity']:<8} ", " " * 11)
        for key in ("evidence", "remedy"):
            if finding[key]:
                lines += wrapped(finding[key], f"           {key}: ", " " * (11 + len(key) + 2))
    return lines
