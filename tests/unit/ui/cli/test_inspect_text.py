"""What inspect prints for people."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ui.cli.aligned import WIDTH
from ui.cli.inspect_text import inspect_lines

PLANE = {
    "fourcc": "XR24", "format_name": "XRGB8888", "modifier": 0, "modifier_name": "LINEAR", "width": 1920,
    "height": 1080, "stride": 7680, "size": 8294400, "x": 0, "y": 0, "hot_x": None, "hot_y": None,
    "backing": "dmabuf", "dmabuf_id": 3, "region_index": None,
    "buffer": {"size": 8294400, "inode": 77, "exporter": "i915"}, "path": "egl-image", "import_errors": [],
    "import_method": "explicit-modifier", "state": "showing", "reason": "ok", "detail": "",
}  # fmt: skip
BUFFER = {
    "dmabuf_id": 3, "region_index": None, "plane": "primary", "fd": 12, "inode": 77, "exporter": "i915",
    "name": None, "size": 8294400, "width": 1920, "height": 1080, "fourcc": "XR24", "format_name": "XRGB8888",
    "modifier": 0, "modifier_name": "LINEAR", "stride": 7680, "times_shown": 5, "imports": 1, "fetches": 1, "hits": 4,
    "on_screen": True,
}  # fmt: skip
REGION = {
    "index": 2, "name": "BAR2", "size": 1 << 28, "offset": 1 << 41, "flags": 15, "access": ["read", "write", "mmap"],
    "type": None, "type_name": None, "sparse_areas": [{"offset": 4096, "size": 8192}],
}  # fmt: skip
FINDING = {"key": "a", "severity": "warning", "message": "It is so.", "evidence": "seen", "remedy": "Do this."}


def _document(**changed: Any) -> dict[str, Any]:
    return {
        "target": "sim:gvt", "state": "showing", "reason": "ok", "detail": "", "hint": "", "unchanged_s": None,
        "planes": {"primary": PLANE, "cursor": None},
        "buffers": [BUFFER],
        "display": {"dmabuf": True, "region": False},
        "device": {
            "name": "a", "type": "i915-GVTg_V5_4", "driver": "intel_vgpu_mdev", "module": "kvmgt", "simulated": False,
            "flags": 2, "flag_names": ["pci"], "regions": [REGION], "edid": None,
        },
        "renderer": {
            "name": "Intel", "vendor": "Mesa", "version": "3.2", "software": False, "imports_dmabufs": True,
            "egl_vendor": "Mesa Project", "egl_version": "1.5", "platform": "surfaceless", "driver": "iris",
            "render_node": "/dev/dri/renderD128", "extensions": ["EGL_KHR_image_base"], "missing_extensions": [],
            "fallback_reason": None,
        },
        "findings": [],
        **changed,
    }  # fmt: skip


def _row(lines: list[str], start: str) -> list[str]:
    (line,) = [each for each in lines if each.startswith(start)]
    return line.split()


def test_planes_buffers_and_regions_are_rows() -> None:
    lines = inspect_lines(_document())
    assert _row(lines, "  primary  ") == [
        "primary",
        "1920x1080",
        "0,0",
        "-",
        "XR24",
        "7680",
        "id",
        "3",
        "egl-image",
        "LINEAR",
    ]
    assert "  cursor is off" in lines
    assert _row(lines, "  * ") == ["*", "3", "8294400", "12", "77", "5", "1", "4", "1", "-"]
    assert "  primary: 1920x1080 XR24 LINEAR, stride 7680, exporter i915" in lines
    assert _row(lines, "      2  ") == ["2", "BAR2", "268435456", "0x20000000000", "rwm", "0x2000", "at", "0x1000"]
    assert "device:     i915-GVTg_V5_4, intel_vgpu_mdev of module kvmgt" in lines
    assert "egl:        Mesa Project 1.5, platform surfaceless, driver iris, on /dev/dri/renderD128" in lines


def test_findings_have_evidence_and_remedy_in_their_order() -> None:
    lines = inspect_lines(_document(findings=[FINDING, {**FINDING, "evidence": None, "remedy": None}], hint="x"))
    assert lines[lines.index("findings:") :] == [
        "findings:",
        "  warning  It is so.",
        "           evidence: seen",
        "           remedy: Do this.",
        "  warning  It is so.",
    ]
    assert not any(each.startswith("hint:") for each in lines)


def test_the_hint_is_told_where_no_finding_tells_it() -> None:
    assert "hint:       Wait." in inspect_lines(_document(hint="Wait."))


def test_failed_imports_are_told_even_if_another_way_worked() -> None:
    failure = {"rung": "explicit-modifier", "egl_error": "EGL_BAD_MATCH", "message": "not taken"}
    lines = inspect_lines(_document(planes={"primary": {**PLANE, "import_errors": [failure]}, "cursor": None}))
    assert "  primary: explicit-modifier failed: not taken (EGL_BAD_MATCH)" in lines


def test_a_sparse_region_of_thousands_of_areas_is_cut() -> None:
    areas = [{"offset": number, "size": 1} for number in range(4000)]
    device = _document()["device"] | {"regions": [REGION | {"sparse_areas": areas}]}
    lines = inspect_lines(_document(device=device))
    assert len(lines) < 60
    assert "3984 more areas (--json has all)" in " ".join(" ".join(lines).split())


TEXTS = st.text(max_size=300)


@given(TEXTS, TEXTS, TEXTS, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_hostile_values_stay_on_printable_lines(name: str, detail: str, modifier: str, size: int, edge: int) -> None:
    """A guest chooses the sizes, the owner of a dma-buf its name, a driver the details."""
    plane = {**PLANE, "width": edge, "height": edge, "modifier_name": modifier, "detail": detail, "reason": "x"}
    buffers = [{**BUFFER, "name": name, "size": size, "inode": size, "dmabuf_id": edge, "exporter": detail}]
    finding = {**FINDING, "message": name, "evidence": detail or None}
    planes = {"primary": plane, "cursor": plane}
    lines = inspect_lines(_document(planes=planes, buffers=buffers, findings=[finding], detail=detail))
    assert all(each == "" or each.isprintable() for each in lines)
    assert max(map(len, lines)) <= 2 * WIDTH
    assert str(size) in " ".join(lines)


def test_a_cursor_that_is_not_there_says_why() -> None:
    region = {"dmabuf": False, "region": True}
    assert "  cursor is off" in inspect_lines(_document())
    assert "  cursor: this driver has no cursor plane" in inspect_lines(_document(display=region))
    refused = dict.fromkeys(PLANE) | {"reason": "query-rejected", "detail": "EINVAL: Invalid argument"}
    lines = inspect_lines(_document(planes={"primary": PLANE, "cursor": refused}))
    assert "  cursor is refused: query-rejected: EINVAL: Invalid argument" in lines
