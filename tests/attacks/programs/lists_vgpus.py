"""What ``mdevview list`` does, as another user: ``python -m ... ROOT UID`` prints a JSON document.

``ROOT`` has the folders ``sys`` and ``dev`` of a host; the processes are those of this machine. The document has
``list``, ``table``, ``peak_kib`` (the most memory it had resident) and ``seconds``.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

from app.host.discovery import discover
from app.host.paths import Paths
from app.host.scan import HostScan
from app.host.vgpu_document import list_document
from ui.cli.list import table


def main() -> None:
    root, uid = Path(sys.argv[1]), int(sys.argv[2])
    # Everything is imported before the rights are dropped: another user may not be able to read these modules.
    user_name = list_document(discover(HostScan.take(Paths(root / "none", root / "none", root / "none"))))
    assert user_name["vgpus"] == []
    if os.geteuid() == 0 and uid != 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    before = time.monotonic()
    vgpus = discover(HostScan.take(Paths(root / "sys", root / "dev", Path("/proc"))))
    document = {"list": list_document(vgpus), "table": table(vgpus), "seconds": time.monotonic() - before}
    peak = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    print(json.dumps({**document, "peak_kib": int(peak[1]) if peak else None}))


if __name__ == "__main__":
    main()
