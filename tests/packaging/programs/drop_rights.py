"""What a process may do after the helper's ``drop_rights()``: ``python -m ... HELPER`` prints its /proc status."""

import runpy
import sys
from pathlib import Path

runpy.run_path(sys.argv[1])["drop_rights"]()
print(Path("/proc/self/status").read_text())
