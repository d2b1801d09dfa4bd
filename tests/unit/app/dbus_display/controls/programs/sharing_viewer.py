"""Shares a text with the guest of the VM that is the TARGET, until it is ended. Prints a line once it does."""

import sys
import time

from tests.qemu.viewing import viewing

with viewing(sys.argv[1]) as viewed:
    clipboard = viewed.session.clipboard
    assert clipboard is not None
    clipboard.share(lambda: None)
    assert clipboard.why_not == ""
    clipboard.offer("text")
    print("shared", flush=True)
    time.sleep(60)
