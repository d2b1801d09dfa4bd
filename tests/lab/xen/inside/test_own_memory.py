"""Dma-bufs of dom0 into which a guest draws: a PVH guest with be-alloc=1, and who is refused.

Debian's xen-gntdev is replaced by the same driver with the dma-buf ioctls (`tests.lab.xen.gntdev`).
"""

import time
from pathlib import Path

import numpy as np
import pytest

from app.planes.dmabuf import dma_buf_info
from app.planes.frame import Frame
from app.planes.status import Reason, State
from app.xen.display.display_source import VdisplSource
from app.xen.display.own_dmabuf import new_dumb_buffer
from gl.offscreen_context import open_context
from gl.renderer import Renderer
from tests.gl.counting import Calls, counted
from tests.lab.noted import REPORT
from tests.lab.xen.guest import pattern
from tests.lab.xen.guest_config import SIZE
from tests.lab.xen.inside import toolstack, viewer
from tests.lab.xen.inside.conftest import Fact
from tests.lab.xen.inside.dmabuf_errors import dmabuf_errors
from tests.lab.xen.inside.guest import Guest

_FLIPS = 10
_UPLOADS = ("TexImage2D", "TexSubImage2D")


def test_debians_module_has_no_dmabuf_ioctls_and_that_of_the_lab_has() -> None:
    assert (REPORT / "stock-gntdev").read_text().split() == ["ENOTTY", "ENOTTY"]
    assert "ENOTTY" not in dmabuf_errors()


def test_a_pvh_guest_draws_into_memory_of_this_host_that_is_imported(
    pvh: Guest, fact: Fact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture is drawn from an EGL image of the guest's own pixels; none is uploaded."""
    # The other tests draw with softpipe, which starts faster and imports no dma-buf.
    monkeypatch.setenv("GALLIUM_DRIVER", "llvmpipe")
    with open_context() as context, viewer.viewing(pvh.domid) as source:
        renderer = Renderer(context)
        job = pvh.start("flips", frames=_FLIPS, seed=500)
        try:
            frame, calls, seconds = None, Calls(), []
            for seed in range(500, 501 + _FLIPS):
                if seed > 500:
                    pvh.step(job)
                frame = _next_picture(source, frame, pvh)
                begun = time.monotonic()
                if seed <= 501:  # of a buffer that is new
                    _check(renderer, frame, seed)
                    calls.clear()
                else:
                    with counted(context) as now:
                        _check(renderer, frame, seed)
                    calls.update(now)
                seconds.append(round(time.monotonic() - begun, 2))
                source.shown(frame, time.monotonic_ns())
            fact("seconds to draw and compare each picture", seconds)
            fact("calls to OpenGL that take memory, of nine pictures", calls.allocating())
            fact("buffers of the PVH guest", source.buffers())
            assert not any(calls[each] for each in (*_UPLOADS, "CreateImageKHR"))
            assert list(renderer.imports.values()) == [1, 1]
            assert source.display_facts().scanout == "own-dmabuf"
            pvh.step(job)
            fact("a PVH guest's flips into memory of this host", pvh.finish(job))
        finally:
            renderer.release()
            # A program that keeps the card would keep the next viewer waiting.
            pvh.kill(job)


def _next_picture(source: VdisplSource, last: Frame | None, guest: Guest) -> Frame:
    frame = viewer.wait_for_frame(source, last, guest)
    while frame.primary is None:
        frame = viewer.wait_for_frame(source, frame, guest)
    return frame


def _check(renderer: Renderer, frame: Frame, seed: int) -> None:
    width, height = SIZE
    drawn = np.frombuffer(pattern.picture(seed, width, height), np.uint8).reshape(height, width, 4)[..., 2::-1]
    pixels = renderer.capture(frame)
    assert pixels is not None
    assert np.array_equal(pixels[..., :3], drawn), seed


def test_the_next_viewer_of_a_pvh_guest_that_goes_on_to_draw_shows_it(pvh: Guest, fact: Fact) -> None:
    """Its driver has let the first viewer's memory go before that was taken back."""
    job = pvh.start("endless", seed=2000)
    for _ in range(2):
        begun = time.monotonic()
        with viewer.viewing(pvh.domid) as source:
            _next_picture(source, None, pvh)
            fact("from a viewer to the PVH guest's picture, s", time.monotonic() - begun)
            begun = time.monotonic()
        fact("closing a viewer of a PVH guest that draws, s", time.monotonic() - begun)
    with viewer.viewing(pvh.domid) as source:
        _next_picture(source, None, pvh)
        pvh.kill(job)
    fact("what the PVH guest's program saw", job.said)


def test_a_pvh_guest_draws_into_memory_of_a_gpu(pvh: Guest) -> None:
    """Vgem exports its dumb buffers as the driver of a GPU does."""
    toolstack.run("modprobe", "vgem")
    try:
        card = next(Path("/dev/dri").glob("card*"))
        with viewer.viewing(pvh.domid, new_dmabuf=lambda size: new_dumb_buffer(size, card)) as source:
            job = pvh.start("flips", frames=1, seed=700)
            viewer.wait_for_picture(source, 700, pvh)
            pvh.step(job)
            frame = viewer.wait_for_picture(source, 701, pvh)
            assert frame.primary is not None
            fd = frame.primary.buffer.dmabuf_fd
            assert fd is not None and dma_buf_info(fd).exporter == "drm"
            pvh.kill(job)
    finally:
        toolstack.run("modprobe", "-r", "vgem")


def test_a_pvh_guest_that_is_destroyed_ends_its_viewer_and_no_next_one_begins(pvh: Guest, fact: Fact) -> None:
    with viewer.viewing(pvh.domid) as source:
        pvh.start("endless", seed=5000)
        _next_picture(source, None, pvh)
        begun = time.monotonic()
        toolstack.run("xl", "destroy", "pvh")
        toolstack.wait_until(lambda: source.latest().status.state is State.GONE, "the end")
        fact("from xl destroy of the PVH guest to the end of its viewer, s", time.monotonic() - begun)
        assert source.latest().status.reason is Reason.VM_ENDED
    with viewer.viewing(pvh.domid) as source:
        ended = source.ended()
        assert ended is not None and ended.reason is Reason.VM_ENDED
    pvh.close()
