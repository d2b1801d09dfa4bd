"""The properties that vfio-pci has in one build of QEMU, as its own help names them."""

import logging
import re
import shlex
from pathlib import Path

from app.errors import error_text
from app.host.child_checks import ChildChecks

_log = logging.getLogger(__name__)

_QEMU = re.compile(r"(qemu|kvm)[a-z0-9_.-]*")
_HELP_TIMEOUT_S = 10.0
# One line each. White space that went beyond a line would take a square of the time for many empty lines.
_PROPERTY = re.compile(r"^[ \t]*([a-z][a-z0-9-]*)=", re.M)


def vfio_properties(program: str) -> frozenset[str]:
    """The names of the properties. Empty if that is unknown; only a program named like QEMU is run for this.

    It takes 10 seconds at most, and reads a bounded part of what the program prints.
    """
    if not _QEMU.fullmatch(Path(program).name):
        return frozenset()
    command = [program, "-device", "vfio-pci,help"]
    try:
        with ChildChecks() as checks:
            checks.start("help", command)
            end = checks.finish(_HELP_TIMEOUT_S)["help"]
    except OSError as error:
        _log.info("%s: %s", shlex.join(command), error_text(error))
        return frozenset()
    if end.fault:
        _log.info("%s: %s", shlex.join(command), end.fault)
        return frozenset()
    return frozenset(_PROPERTY.findall(end.output.decode(errors="replace")))
