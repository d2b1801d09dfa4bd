"""A viewer of a vGPU on a test's host, until its standard input ends: ``python -m ... HOST_FOLDER VGPU``.

Prints the reason of its first frame, and the detail.
"""

import sys
from pathlib import Path

from app.attach.duplicates import ProcessAccess
from app.host.paths import Paths
from app.open.opening import OpenOptions, open_device
from app.open.target import Named
from tests.unit.vms import device_of, vfio_class_of

root, vgpu = Path(sys.argv[1]), sys.argv[2]
options = OpenOptions(access=ProcessAccess(device=device_of, vfio_class=vfio_class_of))
poller = open_device(Named(vgpu), Paths(root / "sys", root / "dev", root / "proc"), options).poller()
status = poller.latest().status
print(status.reason.key, status.detail, flush=True)
sys.stdin.read()
poller.close()
