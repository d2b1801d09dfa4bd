"""The nodes that xl writes for a PV device (libxl_vdispl.c, libxl_vkb.c in tools/libs/light)."""

from dataclasses import dataclass

INITIALISING, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED, RECONFIGURING = 1, 2, 3, 4, 5, 6, 7


@dataclass(frozen=True, slots=True)
class DisplayConfig:
    """One entry of ``vdispl=``: connectors as (unique id, width, height)."""

    connectors: tuple[tuple[str, int, int], ...] = (("id0", 64, 48),)
    be_alloc: bool = False


def backend_path(kind: str, domid: int, device: int) -> str:
    return f"/local/domain/0/backend/{kind}/{domid}/{device}"


def display_nodes(domid: int, device: int, config: DisplayConfig) -> list[tuple[str, str]]:
    front = f"/local/domain/{domid}/device/vdispl/{device}"
    nodes = _both(front, backend_path("vdispl", domid, device), domid)
    nodes.append((f"{front}/be-alloc", str(int(config.be_alloc))))
    for number, (unique_id, width, height) in enumerate(config.connectors):
        nodes += [
            (f"{front}/{number}/resolution", f"{width}x{height}"),
            (f"{front}/{number}/unique-id", unique_id),
        ]
    return nodes


def keyboard_nodes(domid: int, device: int, backend_kind: str, absolute: bool) -> list[tuple[str, str]]:
    """``backend_kind``: "vinput" for ``backend-type=linux``, "vkbd" for QEMU.

    ``absolute``: the xl config has ``feature-abs-pointer=1``.
    """
    front = f"/local/domain/{domid}/device/vkbd/{device}"
    backend = backend_path(backend_kind, domid, device)
    kind = "linux" if backend_kind == "vinput" else "qemu"
    nodes = [*_both(front, backend, domid), (f"{backend}/backend-type", kind)]
    return [*nodes, (f"{backend}/feature-abs-pointer", "1")] if absolute else nodes


def _both(front: str, backend: str, domid: int) -> list[tuple[str, str]]:
    return [
        (f"{backend}/frontend", front),
        (f"{backend}/frontend-id", str(domid)),
        (f"{backend}/online", "1"),
        (f"{backend}/state", str(INITIALISING)),
        (f"{front}/backend", backend),
        (f"{front}/backend-id", "0"),
        (f"{front}/state", str(INITIALISING)),
    ]
