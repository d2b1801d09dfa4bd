"""What `inspect --buffers` prints: what identifies a buffer, and the limit of it."""

from pathlib import Path

from app.host.virtio_gpu import VirtioGpu
from ui.cli.aligned import WIDTH
from ui.cli.inspect_buffers import identities_document, identities_lines

BUFFER = {
    "plane": "primary", "on_screen": True, "width": 640, "height": 480, "fourcc": "XR24", "modifier_name": "LINEAR",
    "stride": 2560, "size": 1228800, "inode": 77, "exporter": "mbochs_rw", "name": "x",
    "also_open": [{"pid": 50, "process": "qemu-system-x86", "fd": 3}],
}  # fmt: skip
MEMORY = BUFFER | {"inode": None, "exporter": None, "name": None, "also_open": None}
DOCUMENT = {"version": 1, "target": "vm:one", "state": "showing", "reason": "ok", "buffers": [BUFFER], "more": 1}
NODE = Path("/dev/dri/renderD128")


def _text(buffers: list[dict[str, object]], *gpus: VirtioGpu) -> str:
    lines = identities_lines(identities_document(DOCUMENT | {"buffers": buffers}, gpus))
    assert all(len(each) <= WIDTH for each in lines)
    return " ".join(" ".join(lines).split())


def test_a_dma_buf_has_its_number_and_who_else_has_it() -> None:
    text = _text([BUFFER])
    assert "inode 77, 1228800 bytes, exporter mbochs_rw, name x" in text
    assert "same as: qemu-system-x86 50 (fd 3)" in text
    assert "same as: no buffer" in _text([BUFFER | {"also_open": []}])


def test_memory_has_no_number_and_a_memfd_is_no_dma_buf() -> None:
    assert "no dma-buf, so it has no number" in _text([MEMORY])
    assert "same as" not in _text([MEMORY])
    assert "inode 77, 1228800 bytes; no dma-buf" in _text([BUFFER | {"exporter": ""}])


def test_the_limit_of_virtio_is_stated_with_what_can_be_read() -> None:
    text = _text([], VirtioGpu(NODE, True, "S"), VirtioGpu(NODE, False, "S"), VirtioGpu(NODE, None, "S", "EACCES"))
    assert "no user space can read it" in text
    assert "exported objects have UUIDs (S)" in text and "exported objects have no UUIDs (S)" in text
    assert "it cannot be read whether its objects have UUIDs (EACCES)" in text
    assert "This host itself has no virtio-gpu" in _text([])


def test_the_document_has_only_what_is_about_buffers() -> None:
    document = identities_document(DOCUMENT, [VirtioGpu(NODE, None, "S", "EACCES")])
    assert document.keys() == {"version", "target", "state", "reason", "buffers", "virtio_gpus"}
    assert document["virtio_gpus"] == [
        {"render_node": "/dev/dri/renderD128", "uuids": None, "source": "S", "error": "EACCES"}
    ]
