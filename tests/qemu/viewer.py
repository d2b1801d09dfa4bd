"""Shows a target until it is ended, and reads every frame. Prints a line once it has a picture.

``python -m tests.qemu.viewer TARGET [SECONDS]``: with seconds it hangs for so long after each frame.
"""

import select
import sys
import time

from tests.qemu.viewing import viewing


def _main() -> None:
    target, pause_s = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    with viewing(target) as viewed:
        told = False
        while viewed.session.ended() is None:
            if viewed.picture() is not None and not told:
                print("shown", flush=True)
                told = True
            if told:
                time.sleep(pause_s)
            fd = viewed.session.source.fileno()
            select.select([fd] if fd >= 0 else [], [], [], 1.0)


if __name__ == "__main__":
    _main()
