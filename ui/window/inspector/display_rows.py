"""The screens of a VM and the messages that were counted as rows of the tree, from an ``inspect`` document. Pure."""

from app.planes.display_facts import OF_QEMU
from app.planes.plane_document import Document
from app.text.clean import clean_line
from ui.window.inspector.node import LONGEST, Node, leaves


def display_nodes(document: Document) -> tuple[Node, ...]:
    """None for a source that is no console of a VM."""
    vm, messages = document.get("vm_display"), document.get("messages")
    nodes = [_vm(vm)] if vm is not None else []
    return (*nodes, _messages(messages)) if messages is not None else tuple(nodes)


def _vm(vm: Document) -> Node:
    about = leaves(
        (
            ("uuid", "UUID", vm["uuid"]),
            ("state", "Controls", vm["state"] if vm["interfaces"] is not None else None),
            ("domid", "Domain", vm.get("domid")),
            ("kind", "Kind", (vm.get("kind") or "").upper()),
        )
    )
    word = "Console" if vm.get("domid") is None else "Connector"
    return Node(
        "vm",
        "VM",
        clean_line(vm["name"] or "without a name", LONGEST),
        (*about, *(_console(each, word) for each in vm["consoles"])),
    )


def _console(console: Document, word: str) -> Node:
    """``word`` is what the TARGET calls such a screen."""
    kind = "graphic" if console["graphic"] else "text"
    shown = ", shown here" if console["shown"] else ""
    number = f"{word} {console['number']}"
    value = f"{console['label'] or kind}, {console['width']} × {console['height']}{shown}"
    interfaces = ", ".join(each.rpartition(".")[2] for each in console["interfaces"])
    pairs = (
        ("type", "Type", kind),
        ("head", "Head", console["head"]),
        ("device", "Device", console["device_address"]),
        ("interfaces", "Interfaces", interfaces),
    )
    return Node(number.lower(), number, clean_line(value, LONGEST), leaves(pairs))


def _messages(messages: Document) -> Node:
    counts = leaves((f"count {each['name']}", each["name"], each["count"]) for each in messages["received"])
    rest = leaves(
        (
            ("skipped", "Replaced unseen", messages["scanouts_skipped"]),
            ("acknowledged", "Guest waits", "for each picture" if messages["acknowledged"] else "no"),
        )
    )
    of = " of QEMU" if messages["scanout"] in (None, *OF_QEMU) else ""
    return Node("messages", f"Messages{of}", f"pixels: {messages['scanout'] or 'none yet'}", (*counts, *rest))
