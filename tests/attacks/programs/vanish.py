"""Shows memory that its owner shortens and extends again: ``python -m tests.attacks.programs.vanish BACKING WHAT``.

BACKING is ``region`` (the mapping of a region) or ``dmabuf`` (a memfd that the device gives as a buffer). WHAT is
``draw`` (the window's loop), ``screenshot`` (the command) or ``storm`` (shorten and extend while it draws). Prints one
line of JSON with the states in order, and whether the picture was right each time that there was one.
"""

import json
import mmap
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

from app.abi import vfio
from app.measure.loop.frame_loop import FrameLoop
from app.measure.loop.pacing import Pace, Pacer
from app.planes.buffer import Buffer
from app.planes.outcome import PixelPath
from app.vfio.poller import Poller
from gl.context import SurfacelessContext
from gl.copied_surface import CopiedSurface
from gl.render_target import RenderTarget
from gl.renderer import Renderer
from tests.gl.record import SurvivingRecord
from tests.gl.surfaces import Bytes, random_picture, window
from tests.pushed.session import pushed_session
from tests.unit.scripted import ScriptedDevice, ScriptedRegionDevice, plane_answer
from tests.window.displays import load_png
from ui.cli.main import main

WIDTH, HEIGHT = 640, 480
STRIDE = WIDTH * 4
SIZE = STRIDE * HEIGHT
_STORM_S = 0.5


class Owner:
    """Owns a memfd that nobody sealed."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("vanishing")
        self.picture = random_picture(WIDTH, HEIGHT, 1)
        self.extend(self.picture)

    def shorten(self, size: int) -> None:
        os.ftruncate(self.fd, size)

    def extend(self, picture: Bytes) -> None:
        os.ftruncate(self.fd, SIZE)
        os.pwrite(self.fd, picture[..., [2, 1, 0, 3]].tobytes(), 0)
        self.picture = picture


class RegionOfMemory(ScriptedRegionDevice):
    owner: Owner

    def mmap(self, length: int, offset: int) -> mmap.mmap:
        return mmap.mmap(self.owner.fd, length, prot=mmap.PROT_READ)


def source_of(backing: str, owner: Owner) -> Poller:
    answer = plane_answer(width=WIDTH, height=HEIGHT, stride=STRIDE, size=SIZE)
    if backing == "dmabuf":
        return Poller(
            ScriptedDevice(primary=lambda: answer, get=lambda _: os.open(f"/proc/self/fd/{owner.fd}", os.O_RDWR))
        )
    device = RegionOfMemory(
        offers=vfio.VFIO_GFX_PLANE_TYPE_REGION, primary=lambda: answer, region_size=SIZE, region_offset=4096
    )
    device.owner = owner
    return Poller(device)


class Viewer:
    """The window's way of drawing: a frame loop that draws into a target of the picture's size."""

    def __init__(self, source: Poller, renderer: Renderer, target: RenderTarget) -> None:
        self.renderer, self._target = renderer, target
        self.states: list[str] = []
        self.details: list[str] = []
        self.path: PixelPath | None = None
        self.loop = FrameLoop(source, Pacer(Pace(), time.monotonic_ns()), due=self._draw)

    def _draw(self) -> None:
        outcome = self.renderer.draw(self.loop.frame, self._target).primary
        self.loop.drawn(self.renderer.retry_ns)
        key = outcome.status.reason.key if outcome else self.loop.frame.status.reason.key
        if self.states[-1:] != [key]:
            self.states.append(key)
            self.details.append(outcome.status.detail if outcome else "")
        if outcome is not None:
            self.path = outcome.path

    def run_until(self, key: str | None, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.loop.run(
            lambda _fd, ns: time.sleep(min(ns or 0, 10**7) / 1e9),
            lambda: time.monotonic() >= end or (key is not None and self.states[-1:] == [key]),
        )


def draw(backing: str, storm: bool) -> dict[str, object]:
    owner = Owner()
    right = []
    with SurfacelessContext(record=SurvivingRecord()) as context, window(context, WIDTH, HEIGHT) as (target, canvas):
        renderer = Renderer(context)
        viewer = Viewer(source_of(backing, owner), renderer, target)

        def is_right() -> bool:
            return bool((canvas.read()[::-1, :, :3] == owner.picture[..., :3]).all())

        first = "import-failed" if backing == "dmabuf" else "ok"
        viewer.run_until(first, 5)
        right.append(is_right())
        if storm:
            stop = threading.Event()

            def attack() -> None:
                for seed in np.random.default_rng(1).integers(0, SIZE, 1 << 20):
                    owner.shorten(int(seed))
                    owner.shorten(SIZE)
                    if stop.is_set():
                        break

            thread = threading.Thread(target=attack)
            thread.start()
            viewer.run_until(None, _STORM_S)
            stop.set()
            thread.join()
            owner.extend(random_picture(WIDTH, HEIGHT, 2))
            viewer.run_until(None, 0.1)
        else:
            for seed, size in enumerate((SIZE // 2, 0, SIZE - 4096)):
                owner.shorten(size)
                viewer.run_until("not-readable", 5)
                owner.extend(random_picture(WIDTH, HEIGHT, 2 + seed))
                viewer.run_until(first, 10)
                right.append(is_right())
        viewer.loop.close()
        renderer.release()
    os.close(owner.fd)
    path = viewer.path.value if viewer.path else None
    if storm:
        return {"survived": True}
    return {"states": viewer.states, "details": viewer.details, "right": right, "path": path}


def screenshot(backing: str) -> dict[str, object]:
    """The memory is gone when the command first reads it, and is back after that."""
    owner = Owner()
    source = source_of(backing, owner)
    # The source looks at the size of the memory now.
    source.latest()
    owner.shorten(0)
    picture = random_picture(WIDTH, HEIGHT, 2)
    refresh, failed = CopiedSurface.refresh, []

    def refresh_and_extend(copied: CopiedSurface, buffer: Buffer) -> None:
        try:
            refresh(copied, buffer)
        except OSError as error:
            failed.append(error.errno)
            owner.extend(picture)
            raise

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shot.png"
        with (
            patch("ui.offscreen.open_target", lambda *_, **__: pushed_session(source)),  # type: ignore[arg-type]
            patch.object(CopiedSurface, "refresh", refresh_and_extend),
        ):
            status = main(["screenshot", "sim:gvt", "-o", str(file), "--timeout", "10"])
        right = status == 0 and bool((load_png(file) == picture[..., :3]).all())
    os.close(owner.fd)
    return {"status": status, "failed": failed, "right": [right]}


if __name__ == "__main__":
    asked, what = sys.argv[1:]
    result = screenshot(asked) if what == "screenshot" else draw(asked, what == "storm")
    print(json.dumps(result))
