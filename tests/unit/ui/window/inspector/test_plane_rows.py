"""The tree of state and planes: what a person reads there."""

from app.abi import drm_fourcc as drm
from app.planes.plane import Backing, Plane, PlaneKind
from app.planes.plane_document import Document, plane_document, refused_plane_document, status_document
from app.planes.status import Reason, Status
from ui.window.inspector.node import Node
from ui.window.inspector.plane_rows import bytes_text, modifier_text, state_nodes


def document(**planes: Document | None) -> Document:
    return {**status_document("sim:gvt", Status(Reason.OK)), "planes": planes}


def plane(
    kind: PlaneKind, reason: Reason = Reason.OK, failures: tuple[Document, ...] = (), detail: str = ""
) -> Document:
    plane = Plane(
        kind,
        Backing.DMABUF,
        drm.DRM_FORMAT_XRGB8888,
        drm.I915_FORMAT_MOD_X_TILED,
        1920,
        1080,
        7680,
        8294400,
        -3,
        4,
        1,
        2,
        7,
    )
    return plane_document(plane, None, Status(reason, detail), "copy", failures)


def child(nodes: tuple[Node, ...], *keys: str) -> Node:
    """The node below these keys."""
    (node,) = (each for each in nodes if each.key == keys[0])
    return child(node.children, *keys[1:]) if keys[1:] else node


def test_a_plane_tells_its_values_its_path_and_each_failed_import() -> None:
    failure = {"rung": "explicit-modifier", "egl_error": "EGL_BAD_MATCH", "message": "not importable"}
    failures = (failure, {"rung": "no-modifier", "egl_error": None, "message": "no modifier"})
    nodes = state_nodes(document(primary=plane(PlaneKind.PRIMARY, Reason.IMPORT_FAILED, failures), cursor=None))
    assert child(nodes, "primary").value == "1920 × 1080, XR24, copy"
    values = {each.name: each.value for each in child(nodes, "primary").children}
    assert values["State"] == "degraded (import-failed)" and values["Import path"] == "copy"
    assert values["Format"] == "XR24 (XRGB8888)" and values["Stride"] == "7680 bytes"
    assert values["Modifier"] == "INTEL_X_TILED (0x0100000000000001)" and values["Backing"] == "dma-buf, id 7"
    assert values["Failed imports"] == "2" and "Position" not in values
    assert [(each.name, each.value) for each in child(nodes, "primary", "failures").children] == [
        ("explicit-modifier", "not importable (EGL_BAD_MATCH)"),
        ("no-modifier", "no modifier"),
    ]
    assert child(nodes, "cursor") == Node("cursor", "Cursor plane", "off")


def test_a_display_without_a_cursor_plane_is_told_from_a_cursor_that_is_off() -> None:
    without = document(primary=None, cursor=None) | {"device": {"cursor_plane": False}}
    assert child(state_nodes(without), "cursor").value == "none: the guest draws its cursor into the picture"


def test_a_cursor_tells_its_position_and_hot_spot() -> None:
    nodes = state_nodes(document(primary=None, cursor=plane(PlaneKind.CURSOR)))
    assert child(nodes, "cursor", "position").value == "-3, 4" and child(nodes, "cursor", "hot").value == "1, 2"


def test_a_cursor_that_the_driver_refuses_is_not_called_off() -> None:
    refused = refused_plane_document(Status(Reason.QUERY_REJECTED, "EINVAL: Invalid argument", 22))
    nodes = state_nodes(document(primary=plane(PlaneKind.PRIMARY), cursor=refused))
    assert child(nodes, "cursor").value == "no-signal (query-rejected)"
    assert child(nodes, "cursor", "detail").value == "EINVAL: Invalid argument"
    assert child(nodes, "cursor", "hint").value


def test_text_from_outside_is_one_visible_line() -> None:
    nodes = state_nodes(document(primary=plane(PlaneKind.PRIMARY, detail="a\nb\x1b[31m\u202e" + "x" * 9000)))
    text = child(nodes, "primary", "detail").value
    assert text.startswith("a b [31m x") and len(text) == 500


def test_before_the_first_picture_there_is_the_target_alone() -> None:
    assert [each.key for each in state_nodes({"target": "sim:gvt"})] == ["picture"]


def test_values_are_told_where_a_name_does_not_say_all() -> None:
    assert modifier_text("LINEAR", 0) == "LINEAR"
    assert modifier_text("0x1234567800000000", 0x1234567800000000) == "0x1234567800000000"
    assert bytes_text(1023) == "1023 bytes" and bytes_text(3686400) == "3686400 bytes (3.5 MiB)"
