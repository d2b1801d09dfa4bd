"""The state, the planes and the renderer as a tree of names and values, from an ``inspect`` document. Pure."""

from collections.abc import Iterator

from app.planes.plane_document import Document
from app.text.clean import clean_line
from ui.window.inspector.display_rows import display_nodes
from ui.window.inspector.node import LONGEST, Node, leaves

_INVALID_MODIFIER = 0x00FF_FFFF_FFFF_FFFF


def state_nodes(document: Document) -> tuple[Node, ...]:
    """The tree for the parts of an ``inspect`` document that are there."""
    nodes = [_picture(document)]
    for name, plane in document.get("planes", {}).items():
        nodes.append(_plane(name, plane, document.get("device") or {}))
    if renderer := document.get("renderer"):
        nodes.append(_renderer(renderer))
    nodes += display_nodes(document)
    return tuple(nodes)


def _picture(document: Document) -> Node:
    def pairs() -> Iterator[tuple[str, str, object]]:
        for key in ("target", "reason", "detail", "hint"):
            value = document.get(key)
            if not (key == "reason" and value == "ok"):
                yield key, key.capitalize(), value

    return Node("picture", "Picture", str(document.get("state", "")), leaves(pairs()))


def _plane(name: str, plane: Document | None, device: Document) -> Node:
    title = f"{name.capitalize()} plane"
    if plane is None:
        is_drawn = name == "cursor" and not device.get("cursor_plane", True)
        return Node(name, title, "none: the guest draws its cursor into the picture" if is_drawn else "off")
    if plane["fourcc"] is None:
        refusal = ((key, key.capitalize(), plane[key]) for key in ("detail", "hint"))
        return Node(name, title, f"{plane['state']} ({plane['reason']})", leaves(refusal))
    summary = f"{plane['width']} × {plane['height']}, {plane['fourcc']}, {plane['path'] or plane['state']}"
    return Node(name, title, clean_line(summary), (*leaves(_plane_pairs(name, plane)), *_failures(plane)))


def _plane_pairs(name: str, plane: Document) -> Iterator[tuple[str, str, object]]:
    reason = "" if plane["reason"] == "ok" else f" ({plane['reason']})"
    yield "state", "State", plane["state"] + reason
    yield "detail", "Detail", plane["detail"]
    method = f" ({plane['import_method']})" if plane.get("import_method") else ""
    yield "path", "Import path", (plane["path"] or "none") + method
    yield "size", "Size", f"{plane['width']} × {plane['height']} pixels"
    if name == "cursor":
        yield "position", "Position", f"{plane['x']}, {plane['y']}"
    if plane["hot_x"] is not None:
        yield "hot", "Hot spot", f"{plane['hot_x']}, {plane['hot_y']}"
    long_name = f" ({plane['format_name']})" if plane["format_name"] != plane["fourcc"] else ""
    yield "format", "Format", plane["fourcc"] + long_name
    yield "modifier", "Modifier", modifier_text(plane["modifier_name"], plane["modifier"])
    yield "stride", "Stride", f"{plane['stride']} bytes"
    yield "bytes", "Plane size", bytes_text(plane["size"])
    yield "backing", "Backing", _backing(plane)
    buffer = plane["buffer"] or {}
    if "size" in buffer:
        yield "buffer", "Buffer size", bytes_text(buffer["size"])
    yield "exporter", "Exporter", buffer.get("exporter")
    yield "inode", "Inode", buffer.get("inode")


def _backing(plane: Document) -> str:
    if plane["region_index"] is not None:
        return f"region {plane['region_index']}"
    handle = f", id {plane['dmabuf_id']}" if plane["dmabuf_id"] is not None else ""
    return ("dma-buf" if plane["backing"] == "dmabuf" else str(plane["backing"])) + handle


def _failures(plane: Document) -> tuple[Node, ...]:
    failures = plane["import_errors"]
    if not failures:
        return _bridge(plane)
    nodes = []
    for index, each in enumerate(failures):
        code = f" ({each['egl_error']})" if each["egl_error"] else ""
        nodes.append(Node(str(index), each["rung"], clean_line(f"{each['message']}{code}", LONGEST)))
    return (Node("failures", "Failed imports", str(len(nodes)), tuple(nodes)), *_bridge(plane))


def _bridge(plane: Document) -> tuple[Node, ...]:
    """The GPU over which the picture comes, where there is one."""
    bridge = plane.get("bridge")
    if bridge is None:
        return ()
    gpu = clean_line(f"{bridge['gpu']}, {bridge['render_node'] or 'no render node'}", LONGEST)
    form = clean_line(": ".join(each for each in (bridge["form"], bridge["detail"]) if each), LONGEST)
    return (Node("bridge", "Over the bridge from", gpu, (Node("form", "Handed over as", form),)),)


def _renderer(renderer: Document) -> Node:
    imports = "yes" if renderer["imports_dmabufs"] else "no"
    pairs = (
        ("vendor", "Vendor", renderer["vendor"]),
        ("version", "Version", renderer["version"]),
        ("software", "Drawn by", "the CPU" if renderer["software"] else "a GPU"),
        ("imports", "Imports dma-bufs", imports),
        ("egl", "EGL", " ".join(each for each in (renderer["egl_vendor"], renderer["egl_version"]) if each)),
        ("platform", "EGL platform", renderer["platform"]),
        ("driver", "Mesa driver", renderer["driver"]),
        ("node", "Render node", renderer["render_node"]),
        ("missing", "Lacks", ", ".join(renderer["missing_extensions"])),
    )
    return Node("renderer", "Renderer", clean_line(renderer["name"]), leaves(iter(pairs)))


def modifier_text(name: str, modifier: int) -> str:
    """A modifier with its value where the name does not say all: "INTEL_X_TILED (0x0100000000000001)"."""
    if modifier in (0, _INVALID_MODIFIER):
        return name
    value = f"0x{modifier:016x}"
    return name if value in name else f"{name} ({value})"


def bytes_text(size: int) -> str:
    """A number of bytes, with a rounded one where it is long: "3686400 bytes (3.5 MiB)"."""
    for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << bits:
            return f"{size} bytes ({size / (1 << bits):.1f} {unit})"
    return f"{size} bytes"
