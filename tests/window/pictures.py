"""Makes the README's pictures: ``python -m tests.window.pictures packaging/pictures``."""

import sys
import time
from pathlib import Path

import numpy as np

from tests.window.displays import Picture, weston
from tests.window.viewer import viewing
from ui.png import png_bytes

# Name, target, the log line to wait for, and how many seconds to wait after it.
PICTURES = (
    ("window", "sim:gvt,fps=20", "path: egl-image", 4.0),
    ("no-signal", "sim:gvt,fault=off@1", "no-signal", 1.0),
)


def window_in(screen: Picture) -> Picture:
    """The window alone: what differs from the desktop behind it."""
    other = (screen != screen[0, 0]).any(axis=2)
    rows, columns = np.flatnonzero(other.any(axis=1)), np.flatnonzero(other.any(axis=0))
    return screen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with weston() as display:
        for name, target, ready, settle in PICTURES:
            with viewing(display, target) as viewer:
                viewer.wait_for(ready)
                time.sleep(settle)
                window = window_in(display.picture())
            opaque = np.full((*window.shape[:2], 1), 255, np.uint8)
            (directory / f"{name}.png").write_bytes(png_bytes(np.concatenate((window, opaque), axis=2)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
