"""What a target is called before it is opened."""

from app.open.target import DbusBus, Default, Named, Pid, Replay, Simulated, Target, VmName
from app.open.xen_target import XenRefs, XenScreen
from app.text.clean import clean, clean_line


def label_of(target: Target) -> str:
    """The label of a target that was not opened yet."""
    match target:
        case Named(text):
            return text
        case VmName(name, console):
            return f"VM {clean(name)}{_console_words(console)}"
        case Pid(pid, console=console):
            return f"process {pid}{_console_words(console)}"
        case DbusBus(address, console=console):
            return f"the VM on the bus {clean_line(address)}{_console_words(console)}"
        case XenScreen(guest) | XenRefs(guest):
            return f"guest {clean(guest)}"
        case Default():
            return "screen"
        case Simulated(spec):
            return f"sim:{spec}"
        case Replay(file):
            return f"replay: {clean_line(file.rpartition('/')[2])}"
    return str(target)


def _console_words(console: int | None) -> str:
    return f", console {console}" if console is not None else ""
