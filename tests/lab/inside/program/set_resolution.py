"""Opens a vGPU, sets a resolution after a line of input, and stays with the link down: ``TARGET MODE``."""

import sys
import time

from app.edid.make import DEFAULT_DPI
from app.edid.mode import parse_mode
from app.open.opening import open_target
from app.open.target import parse_target

session = open_target(parse_target(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
session.resolution.begin(parse_mode(sys.argv[2]), DEFAULT_DPI)
while (left := session.resolution.step()) is not None:
    # The writer waits 100 ms with the link down, and 5 ms at a time for its guard.
    if left > 50_000_000:
        print("down", flush=True)
        time.sleep(1000)
    time.sleep(left / 1e9)
