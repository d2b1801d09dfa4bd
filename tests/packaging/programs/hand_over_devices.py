"""The helper for Xen on a host whose devices of Xen are null, zero and full: ``hand_over_devices.py SYS DEV``.

Answers through standard input as the helper does. Prints the status of the process, as the kernel tells it.
"""

import sys
from functools import partial
from pathlib import Path

from tests.packaging.getfd import XEN_HELPER, load_helper

helper = load_helper(XEN_HELPER)
helper.MISC_MAJOR = 1
helper.FILES = ("null", "zero", "full")
helper.open_file = partial(helper.open_file, sys_folder=sys.argv[1], dev_folder=sys.argv[2])
status = helper.main([])
print(Path("/proc/self/status").read_text())
sys.exit(status)
