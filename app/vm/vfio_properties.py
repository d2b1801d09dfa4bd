"""The properties that vfio-pci has in one build of QEMU, as its own help names them."""

import logging
import re
import shlex
import subprocess
from pathlib import Path

_log = logging.getLogger(__name__)

_QEMU = re.compile(r"(qemu|kvm)[a-z0-9_.-]*")
_HELP_TIMEOUT_S = 10.0
_PROPERTY = re.compile(r"^\s*([a-z][a-z0-9-]*)=", re.M)


def vfio_properties(program: str) -> frozenset[str]:
    """The names of the properties. Empty if that is unknown; only a program named like QEMU is run for this."""
    if not _QEMU.fullmatch(Path(program).name):
        return frozenset()
    command = [program, "-device", "vfio-pci,help"]
    try:
        help_text = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_HELP_TIMEOUT_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.info("%s: %s", shlex.join(command), error)
        return frozenset()
    return frozenset(_PROPERTY.findall(help_text.decode(errors="replace")))
