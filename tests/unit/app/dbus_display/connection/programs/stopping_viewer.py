"""A viewer that stops itself (SIGSTOP) the first time that it comes to a step of a listener's first answers.

``python -m ... TARGET STEP``: a method of :class:`app.dbus_display.connection.listener_link.ListenerLink`.
"""

import os
import signal
import sys
import time
from typing import Any

from app.dbus_display.connection.listener_link import ListenerLink
from tests.qemu.viewing import viewing


def _main() -> None:
    target, step = sys.argv[1:]
    original = getattr(ListenerLink, step)

    def stop(self: ListenerLink, *arguments: Any) -> Any:
        setattr(ListenerLink, step, original)
        os.kill(os.getpid(), signal.SIGSTOP)
        return original(self, *arguments)

    setattr(ListenerLink, step, stop)
    with viewing(target) as viewed:
        viewed.wait_for(lambda frame: frame.primary is not None, "a picture")
        print("shown", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    _main()
