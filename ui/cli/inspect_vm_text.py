"""What ``mdevview inspect`` prints of a VM's console: the VM, its screens, and the messages that were counted."""

from app.planes.display_facts import OF_QEMU
from app.planes.plane_document import Document
from ui.cli.aligned import columns, pair


def vm_lines(vm: Document | None) -> list[str]:
    if vm is None:
        return []
    uuid = f", UUID {vm['uuid']}" if vm["uuid"] else ""
    lines = pair("vm", f"{vm['name'] or 'without a name'}{uuid}")
    control = {"taken-over": "taken over by another client: no input from here", "lost": "ended"}.get(vm["state"])
    if control is not None:
        lines += pair("controls", control)
    if (domid := vm.get("domid")) is not None:
        lines += pair("domain", f"{domid}, {vm['kind'].upper()}" if vm["kind"] else str(domid))
    if (own := vm.get("be_alloc")) is not None:
        lines += pair("buffers", "allocated by mdevview (be-alloc=1)" if own else "allocated by the guest")
    if vm["interfaces"] is None:
        return lines
    return lines + pair("interfaces", ", ".join(vm["interfaces"]) or "none")


_SCANOUTS = {
    "value": "inside the messages",
    "map": "as shared memory (memfd)",
    "dmabuf": "as dma-bufs",
    "dmabuf2": "as dma-bufs, with their planes and place",
    "pages": "as pages that the guest granted",
    "own-dmabuf": "in dma-bufs that mdevview gave to the guest",
}


def messages_lines(messages: Document | None) -> list[str]:
    """How pixels come, and what was counted. What QEMU itself replaced before it sent it cannot be counted."""
    if messages is None:
        return []
    way = _SCANOUTS.get(messages["scanout"])
    lines = pair("pixels", f"come {way}" if way else "none have come yet")
    counts = ", ".join(f"{each['name']} {each['count']}" for each in messages["received"])
    lines += pair("messages", counts or "none yet")
    lines += pair("", f"pictures that a newer one replaced before they were taken: {messages['scanouts_skipped']}")
    if messages["scanout"] not in OF_QEMU:
        return lines
    return lines + pair("", "QEMU leaves out what a newer message replaces before it is sent: that is not counted")


_CONSOLE_HEADER = ("", "CONSOLE", "LABEL", "HEAD", "TYPE", "SIZE", "DEVICE", "INTERFACES")


def consoles_lines(vm: Document | None) -> list[str]:
    if vm is None or not vm["consoles"]:
        return []
    header = tuple(
        "CONNECTOR" if each == "CONSOLE" and vm.get("domid") is not None else each for each in _CONSOLE_HEADER
    )
    rows = [header, *map(_console_row, vm["consoles"])]
    # What no screen has is left out.
    used = [column for column in range(len(_CONSOLE_HEADER)) if any(row[column] != "-" for row in rows[1:])]
    right = {at for at, column in enumerate(used) if column in (1, 3)}
    return columns([tuple(row[column] for column in used) for row in rows], right=right)


def _console_row(console: Document) -> tuple[str, ...]:
    return (
        "*" if console["shown"] else " ",
        str(console["number"]),
        console["label"] or "-",
        "-" if console["head"] is None else str(console["head"]),
        "graphic" if console["graphic"] else "text",
        f"{console['width']}x{console['height']}",
        console["device_address"] or "-",
        ", ".join(each.rpartition(".")[2] for each in console["interfaces"]) or "-",
    )
