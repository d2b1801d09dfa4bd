"""Parses the answers of a VM, which are not trusted."""

from app.text.clean import clean_line
from app.vm.monitor import PointingDevice


def parse_pointing(reply: object) -> PointingDevice:
    """The guest's active pointing device, from ``query-mice``. Raises ValueError for an invalid reply."""
    if not isinstance(reply, list):
        raise ValueError("not a list")
    for mouse in reply:
        match mouse:
            case {"current": bool(current), "absolute": bool(absolute)}:
                if current:
                    return PointingDevice.ABSOLUTE if absolute else PointingDevice.RELATIVE
            case _:
                raise ValueError("not a mouse")
    return PointingDevice.NONE


def parse_run_state(reply: object) -> str:
    """QEMU's name of the VM's state, from ``query-status``. Raises ValueError for an invalid reply."""
    match reply:
        case {"status": str(word)} if word and len(word) <= 40 and word.isascii() and word.isprintable():
            return word
    raise ValueError("no status")


def one_line(text: str, longest: int = 120) -> str:
    """Untrusted text as one line of visible characters, cut off after ``longest``."""
    return clean_line(text, longest)
