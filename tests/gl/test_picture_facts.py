"""The findings that simulated devices bring about, from facts that are collected as `inspect` does."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.diagnosis.finding import Finding
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.history import PictureHistory
from app.open.opening import open_target
from app.open.session import Session
from app.open.target import parse_target
from app.planes.buffer import DmaBuffer
from app.planes.frame import Frame
from app.planes.status import State
from app.sim.config.fault import FAULT_NAMES
from gl.context import SurfacelessContext
from gl.inspection import inspected_facts
from gl.picture_facts import map_error
from gl.renderer import Renderer
from gl.renderer_facts import facts_of_renderer

S = 1_000_000_000
PATIENCE_S = 20.0
SMALL = "size=64x64"

# What inspect finds at once, in order.
FOUND: dict[str, tuple[str, ...]] = {
    f"gvt,{SMALL},hot=0x0": (),
    f"gvt,{SMALL},fault=never-on": ("guest-driver-not-loaded",),
    f"gvt,{SMALL},fault=off@0": ("plane-never-enabled",),
    f"mbochs,{SMALL},fault=off@0": ("plane-never-enabled",),
    f"gvt,{SMALL},fault=query-enodev": ("plane-never-enabled",),
    f"gvt,{SMALL},fault=query-einval": ("query-rejected",),
    f"gvt,{SMALL},fault=query-efault": ("framebuffer-unmapped",),
    f"gvt,{SMALL},fault=query-enomem": ("out-of-memory",),
    f"gvt,{SMALL},fault=no-display": ("no-display",),
    f"gvt,{SMALL},fault=get-einval": ("fetch-failed",),
    f"gvt,{SMALL},fault=get-enoent": ("fetch-failed",),
    f"gvt,{SMALL},fault=stale": ("fetch-failed",),
    f"mbochs,{SMALL},fault=unaligned": ("fetch-failed",),
    f"gvt,{SMALL},fault=truncated": ("buffer-truncated",),
    f"gvt,{SMALL},fault=read-only,cursor=off": ("import-unreadable", "copy-impossible"),
    f"gvt,{SMALL},modifier=X,cursor=off,fault=read-only": ("modifier-not-importable", "copy-impossible"),
    f"gvt,{SMALL},modifier=X,hot=0x0": ("modifier-not-importable",),
    f"mbochs,{SMALL},module=mbochs": ("import-unreadable", "copy-impossible"),
    f"mdpy,{SMALL}": ("region-only",),
    f"mdpy,{SMALL},fault=read-only": ("fetch-failed",),
    f"gvt,{SMALL},hot=0x0,fault=cursor-refused": ("cursor-refused",),
    f"gvt,{SMALL},hot=0x0,fault=cursor-einval": ("cursor-refused",),
    f"gvt,{SMALL},hot=0x0,fault=cursor-outside": ("cursor-outside",),
    f"gvt,{SMALL},hot=63x63": ("cursor-sign-lost",),
    f"gvt,{SMALL},fault=cursor-at-edge": ("cursor-sign-lost",),
    f"gvt,{SMALL},hot=0x0,fault=one-colour": ("one-colour",),
    f"gvt,{SMALL},cursor=off": ("cursor-not-reported",),
    f"mbochs,{SMALL}": ("cursor-not-reported",),
    f"gvt,{SMALL},format=RG24,hot=0x0": ("format-not-importable",),
    # What the host says.
    f"gvt,{SMALL},hot=0x0,fault=vm-stopped": ("vm-stopped",),
    f"gvt,{SMALL},hot=0x0,fault=vm-paused": ("vm-paused",),
    f"gvt,{SMALL},hot=0x0,fault=vm-suspended": ("vm-suspended",),
    f"gvt,{SMALL},fault=vm-shut-down+off@0": ("vm-shut-down", "plane-never-enabled"),
    f"gvt,{SMALL},hot=0x0,fault=vm-failed": ("vm-failed",),
    f"gvt,{SMALL},fault=no-opregion+off@0": ("opregion-missing",),
    f"gvt,{SMALL},fault=no-opregion+never-on": ("opregion-missing", "guest-driver-not-loaded"),
    f"gvt,{SMALL},fault=failsafe+off@0": ("gvt-failsafe",),
    f"gvt,{SMALL},hot=0x0,fault=failsafe": ("kernel-messages",),
    f"gvt,{SMALL},fault=firmware-screen+never-on": ("guest-driver-not-loaded", "firmware-screen-elsewhere"),
    f"gvt,{SMALL},hot=0x0,fault=other-gpu": ("wrong-gpu",),
}


@pytest.fixture
def renderer(importing_context: SurfacelessContext) -> Iterator[Renderer]:
    renderer = Renderer(importing_context)
    yield renderer
    renderer.release()


@contextmanager
def opened(target: str, renderer: Renderer) -> Iterator[Session]:
    session = open_target(parse_target(f"sim:{target}"))
    try:
        yield session
    finally:
        renderer.drop_released()
        session.close()


def polled(session: Session, history: PictureHistory, wanted: Callable[[Frame], bool]) -> Frame:
    end = time.monotonic() + PATIENCE_S
    while True:
        frame = session.source.latest()
        history.saw(frame, time.monotonic_ns())
        if wanted(frame):
            return frame
        assert time.monotonic() < end, frame
        time.sleep(0.005)


def findings(session: Session, frame: Frame, renderer: Renderer, history: PictureHistory) -> list[Finding]:
    return list(diagnose(inspected_facts(session, frame, renderer, history)))


@pytest.mark.parametrize("target", FOUND)
def test_a_simulated_device_has_its_findings(target: str, renderer: Renderer) -> None:
    with opened(target, renderer) as session:
        history = PictureHistory(time.monotonic_ns(), sees_pixels=False)
        # The first query of a mode fails by itself on mbochs, and is repeated.
        frame = polled(session, history, lambda frame: frame.status.reason.key != "not-started")
        assert [each.key for each in findings(session, frame, renderer, history)] == list(FOUND[target])


def test_every_lasting_fault_has_a_finding() -> None:
    joined = (each.partition("fault=")[2].partition(",")[0] for each in FOUND)
    named = {fault.partition("@")[0] for each in joined for fault in each.split("+")} - {""}
    # The guest's mode is no fault of the picture; what a hostile device answers has tests of its own.
    assert named | {"mode", "hostile", "frozen", "gone"} == set(FAULT_NAMES)


def test_a_plane_that_went_off_was_on(renderer: Renderer) -> None:
    with opened(f"gvt,{SMALL},fault=off@0.3", renderer) as session:
        history = PictureHistory(time.monotonic_ns())
        polled(session, history, lambda frame: frame.primary is not None)
        frame = polled(session, history, lambda frame: frame.primary is None)
        assert [each.key for each in findings(session, frame, renderer, history)] == ["plane-went-off"]


def test_a_frozen_guest_does_not_change_its_picture(renderer: Renderer) -> None:
    with opened(f"gvt,{SMALL},cursor=off,fault=frozen", renderer) as session:
        history = PictureHistory(0)
        first = polled(session, history, lambda frame: frame.primary is not None)
        time.sleep(0.1)
        assert session.source.latest() is first
        watched = PictureHistory(0)
        watched.saw(first, time.monotonic_ns() - 60 * S)
        keys = [each.key for each in findings(session, first, renderer, watched)]
        assert keys == ["picture-unchanged", "cursor-not-reported"]


def test_a_device_that_was_removed_has_no_other_finding(renderer: Renderer) -> None:
    with opened(f"gvt,{SMALL},fault=gone@0.1", renderer) as session:
        history = PictureHistory(0)
        frame = polled(session, history, lambda frame: frame.status.state is State.GONE)
        assert [each.key for each in findings(session, frame, renderer, history)] == ["device-removed"]


@pytest.mark.parametrize("key", ["bad-geometry", "unknown-format", "tiling-unknown"])
def test_a_hostile_device_has_a_finding(key: str, renderer: Renderer) -> None:
    with opened(f"gvt,{SMALL},fault=hostile", renderer) as session:
        history = PictureHistory(0)

        def has_it(frame: Frame) -> bool:
            # Only the renderer knows which tilings it can undo.
            outcome = renderer.outcome(frame.primary) if frame.primary is not None else None
            return key in (frame.status.reason.key, outcome.status.reason.key if outcome is not None else "")

        frame = polled(session, history, has_it)
        assert findings(session, frame, renderer, history)[0].key == key


def test_a_failing_query_is_counted(renderer: Renderer) -> None:
    with opened(f"gvt,{SMALL},fault=query-einval", renderer) as session:
        history = PictureHistory(time.monotonic_ns())
        for _ in range(5):
            frame = session.source.latest()
        (found,) = findings(session, frame, renderer, history)
        # Each poll asks for two planes.
        assert "EINVAL 10 times" in found.evidence


def test_the_evidence_of_an_import_is_true_and_names_what_happened(renderer: Renderer) -> None:
    """The simulated mbochs ends the test if its buffer is fetched twice."""
    with opened(f"mbochs,{SMALL},module=mbochs", renderer) as session:
        history = PictureHistory(0)
        frame = polled(session, history, lambda frame: frame.primary is not None)
        unreadable, copy = findings(session, frame, renderer, history)
        assert unreadable.evidence.startswith("eglCreateImage succeeded; ")
        assert "SIG" in unreadable.evidence or "GL_" in unreadable.evidence
        assert copy.evidence.startswith("mmap: E")
        # It is no answer about the imports that the program makes.
        assert frame.primary is not None
        assert renderer.outcome(frame.primary).status.reason.key == "not-readable"


def test_why_a_buffer_cannot_be_mapped() -> None:
    fd = os.memfd_create("buffer")
    os.ftruncate(fd, 8192)
    buffer = DmaBuffer(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY))
    whole = DmaBuffer(fd)
    assert (map_error(buffer) or "").startswith("EACCES: ")
    assert map_error(whole) == ""
    for each in (buffer, whole):
        each.release()
        assert map_error(each) is None


def test_what_draws_is_described_with_all_that_it_imports(importing_context: SurfacelessContext) -> None:
    facts = facts_of_renderer(importing_context)
    assert facts.name == importing_context.renderer
    assert facts.imports_dma_bufs and "EGL_EXT_image_dma_buf_import" in facts.extensions
    assert {each.fourcc for each in facts.formats} == set(importing_context.display.formats)
    assert facts.gpu_address is None, "the CPU draws"
