"""The details are in the clipboard a moment after they are asked for, and a second request meanwhile is one."""

import getpass
import os
import socket
import threading

from PyQt6.QtGui import QGuiApplication

from app import __version__
from app.diagnosis.finding import Finding, Severity
from app.host.scan import HostScan
from tests.unit.ui.window.events import until
from ui.window.page.details import DetailsCopier, WindowDetails
from ui.window.qt_application import new_application

application = new_application()
copier = DetailsCopier()
copied: list[int] = []
copier.copied.connect(lambda: copied.append(1))
facts = WindowDetails(
    (f"shown: VM Zq7secret on {socket.gethostname()}", "state: no-signal, reason: plane-off"),
    (Finding("plane-off", Severity.INFO, "It is off.", "Zq7secret of nobody-else", "wake it"),),
    (("Qt", "6.0"),),
    frozenset({"Zq7secret", ""}),
)


def wait(count: int) -> str:
    until(lambda: len(copied) >= count)
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    return clipboard.text()


copier.copy(facts)
copier.copy(facts)
text = wait(1)
assert "Zq7secret" not in text and "[VM name 1]" in text, text
for line in (
    "state: no-signal, reason: plane-off",
    "[info] plane-off: It is off.",
    f"  mdevview {__version__}",
    "  Qt 6.0",
):
    assert line in text.splitlines(), (line, text)
host = socket.gethostname()
assert host in ("localhost", "(none)") or f" on {host}" not in text, text
user = getpass.getuser()
assert os.getuid() == 0 or f" {user} " not in text, text


def refuse() -> HostScan:
    raise OSError(24, "Too many open files")


# Without the host's names the VM's own is still left out.
setattr(HostScan, "take", refuse)  # noqa: B010
copier.copy(facts)
assert "Zq7secret" not in wait(2) and len(copied) == 2
copier.copy(facts)
copier.close()
copier.close()
assert not any(each.name == "page-details" for each in threading.enumerate())
