"""What a VM answers, which may be anything: read, or refused as making no sense."""

from app.vm.monitor import Pointing


def pointing_of(answer: object) -> Pointing:
    """The guest's active pointing device, from ``query-mice``. Raises ValueError for what is no such answer."""
    if not isinstance(answer, list):
        raise ValueError("no list")
    for mouse in answer:
        match mouse:
            case {"current": bool(current), "absolute": bool(absolute)}:
                if current:
                    return Pointing.ABSOLUTE if absolute else Pointing.RELATIVE
            case _:
                raise ValueError("no mouse")
    return Pointing.NONE


def run_state_of(answer: object) -> str:
    """QEMU's word for what the VM does, from ``query-status``. Raises ValueError for what is no such answer."""
    match answer:
        case {"status": str(word)} if word and len(word) <= 40 and word.isascii() and word.isprintable():
            return word
    raise ValueError("no status")


def plain(text: str, longest: int = 120) -> str:
    """Words from outside on one line, cut where they are too long to be of use."""
    line = "".join(each if each.isprintable() else " " for each in text[: 4 * longest])
    line = " ".join(line.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
