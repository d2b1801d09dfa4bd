"""Makes the pictures of README and of the documentation: ``python -m tests.window.pictures packaging/pictures``."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.window.displays import Display, Picture, weston
from tests.window.viewer import driven
from ui.png import png_bytes

_WINDOW = "tests.window.window_driver"


@dataclass(frozen=True)
class Shot:
    """A picture of mdevview run with ``arguments``.

    It is taken ``settle_s`` after the log line ``ready`` came and the ``actions`` of the window's menus were triggered.
    The overview logs nothing about its pictures: an empty ``ready`` is the start of the program.
    """

    name: str
    ready: str
    settle_s: float
    arguments: tuple[str, ...]
    actions: tuple[str, ...] = ()
    module: str = _WINDOW


SHOTS = (
    Shot("window", "path: egl-image", 4.0, ("view", "sim:gvt,fps=20")),
    Shot("no-signal", "no-signal", 1.5, ("view", "sim:gvt,fault=off@0")),
    Shot("inspector", "path: egl-image", 3.0, ("view", "sim:gvt,fps=20,size=1024x768"), ("inspector",)),
    # The panel shows ten seconds.
    Shot("latency", "path: egl-image", 12.0, ("view", "sim:gvt,size=1280x720"), ("latency-panel",)),
    Shot(
        "overview",
        "",
        15.0,
        (
            "overview",
            "sim:gvt,size=1280x720",
            "sim:gvt,size=1024x768,fps=30",
            "sim:mbochs,fps=10",
            "sim:gvt,fault=off@0",
            "sim:gvt,size=800x600,fault=gone@3",
            "sim:mdpy",
        ),
        module="tests.window.overview_driver",
    ),
)


def window_in(screen: Picture) -> Picture:
    """The windows alone: what differs from the desktop behind them."""
    other = (screen != screen[0, 0]).any(axis=2)
    rows, columns = np.flatnonzero(other.any(axis=1)), np.flatnonzero(other.any(axis=0))
    return screen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def take(display: Display, shot: Shot) -> Picture:
    """Start mdevview, and return the picture."""
    with driven(display, shot.module, *shot.arguments) as viewer:
        if shot.ready:
            viewer.wait_for(shot.ready)
        for action in shot.actions:
            viewer.do("trigger", action)
        time.sleep(shot.settle_s)
        return window_in(display.picture())


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with weston() as display:
        for shot in SHOTS:
            window = take(display, shot)
            opaque = np.full((*window.shape[:2], 1), 255, np.uint8)
            (directory / f"{shot.name}.png").write_bytes(png_bytes(np.concatenate((window, opaque), axis=2)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
