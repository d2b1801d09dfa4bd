"""A viewer that fetches buffer 7 and stays: ``python -m ... VM_PID VM_START_TIME DEVICE DEV_FOLDER``."""

import sys
import time
from pathlib import Path

from app.host.paths import Paths
from app.vfio.fetch_record import FetchRecordFile

pid, started, device, folder = sys.argv[1:]
ledger = FetchRecordFile.open(int(pid), int(started), device, Paths(dev=Path(folder)))
ledger.note(7)
print("noted", flush=True)
time.sleep(100)
