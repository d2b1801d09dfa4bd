"""Opens an mdpy device and keeps it: ``python -m ... UUID``. Prints an empty line once it is open."""

import sys
import time

from tests.lab.inside.rawvfio import Mdpy

device = Mdpy.open(sys.argv[1])
print(flush=True)
time.sleep(1000)
