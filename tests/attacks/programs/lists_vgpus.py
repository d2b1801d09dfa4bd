"""What ``mdevview list`` does, as another user: ``python -m ... ROOT UID`` prints a JSON document.

``ROOT`` has the folders ``sys`` and ``dev`` of a host; the processes are those of this machine. The document has
``list``, ``table``, ``seconds`` and ``peak_kib`` (the most memory it had resident). ``vms_seconds`` and
``vms_peak_kib`` are the same after it has also found the VMs by their names.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from app.host.discovery import discover
from app.host.paths import Paths
from app.host.scan import HostScan
from app.host.screens import HostScreens
from app.host.vgpu_document import list_document
from ui.cli.list import table


def main() -> None:
    root, uid = Path(sys.argv[1]), int(sys.argv[2])
    # Everything is imported before the rights are dropped: another user may not be able to read these modules.
    assert not discover(HostScan.take(Paths(root / "none", root / "none", root / "none")))
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    before = time.monotonic()
    scan = HostScan.take(Paths(root / "sys", root / "dev", Path("/proc")))
    vgpus = discover(scan)
    document: dict[str, Any] = {"list": list_document(HostScreens(vgpus)), "table": table(HostScreens(vgpus))}
    document |= {"seconds": time.monotonic() - before, "peak_kib": _peak_kib()}
    before = time.monotonic()
    document["vms"] = len([each.vm_name for each in scan.vms])
    document |= {"vms_seconds": time.monotonic() - before, "vms_peak_kib": _peak_kib()}
    print(json.dumps(document))


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
