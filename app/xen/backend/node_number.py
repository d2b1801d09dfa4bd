"""Numbers out of nodes of xenstore that a guest may write: hostile texts."""

from app.xen.backend.guest_error import GuestError

_U32 = 0xFFFFFFFF


def node_number(text: str, least: int = 0, most: int = _U32) -> int:
    """The decimal number of a node, as the kernel writes it with ``%u``: ASCII digits alone, at most 10.

    Raises GuestError for other texts and for numbers outside ``least`` to ``most``, both included.
    """
    if not (0 < len(text) <= 10 and text.isascii() and text.isdigit()):
        raise GuestError("node is not a number")
    number = int(text)
    if not least <= number <= most:
        raise GuestError("node has a number out of range")
    return number


def node_size(text: str, most: int) -> tuple[int, int]:
    """Width and height of a node as ``1024x768``, each from 1 to ``most``. Raises GuestError."""
    width, separator, height = text.partition("x")
    if not separator:
        raise GuestError("node is not a size")
    return node_number(width, 1, most), node_number(height, 1, most)
