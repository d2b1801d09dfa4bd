"""The findings about a simulated device on displays that import less than this one, or that fail."""

import errno
import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from app.abi import drm_fourcc as drm
from app.diagnosis.finding import Finding, Severity
from app.diagnosis.picture.diagnose import diagnose
from app.diagnosis.picture.history import PictureHistory
from app.open.session import Session
from app.planes.buffer import DmaBuffer
from app.planes.status import Reason, Status
from gl.context import Context
from gl.egl_constants import EGL_BAD_ALLOC
from gl.egl_display import EglDisplay, Modifier
from gl.errors import GL_OUT_OF_MEMORY, GlError
from gl.import_trials import ImportTrials
from gl.inspection import inspect_document, inspected_facts
from gl.picture_facts import picture_facts
from gl.renderer import Renderer
from gl.textures import UploadTexture
from gl.trial_record import TrialRecord
from tests.gl.bridging import OTHER, Rig, bridged
from tests.gl.failing import Clock, FailingCall
from tests.gl.test_import_trials import CRASH, Starts
from tests.gl.test_importer_retry import EglRefusal
from tests.gl.test_picture_facts import SMALL, opened, polled

XR24 = drm.DRM_FORMAT_XRGB8888
SHOWING = f"gvt,{SMALL},hot=0x0,fps=0"
Told = Callable[[str], list[Finding]]


def _findings(session: Session, renderer: Renderer) -> list[Finding]:
    history = PictureHistory(0, sees_pixels=False)
    frame = polled(session, history, lambda frame: frame.primary is not None)
    return list(diagnose(inspected_facts(session, frame, renderer, history)))


@pytest.fixture
def told(importing_context: Context, clock: Clock) -> Iterator[Told]:
    """What is found of a target, by a renderer that is made when it is asked for."""
    made: list[Renderer] = []

    def findings(target: str) -> list[Finding]:
        made.append(Renderer(importing_context, clock))
        with opened(target, made[-1]) as session:
            return _findings(session, made[-1])

    yield findings
    for each in made:
        each.release()


def _keys(findings: list[Finding]) -> list[str]:
    return [each.key for each in findings]


def test_external_only(told: Told, importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {each: (Modifier(0, external_only=True),) for each in (XR24, drm.DRM_FORMAT_ARGB8888)}
    monkeypatch.setitem(importing_context.display.__dict__, "formats", tuple(table))
    monkeypatch.setattr(EglDisplay, "modifiers", lambda _self, fourcc: table.get(fourcc, ()))
    monkeypatch.setattr(importing_context, "external_textures", False)
    fewer = importing_context.extensions - {"GL_OES_EGL_image_external_essl3"}
    monkeypatch.setattr(importing_context, "extensions", fewer)
    found = told(SHOWING)
    assert _keys(found) == ["external-only"]
    assert "XR24 LINEAR is external-only" in found[0].evidence


def test_no_import_extension(told: Told, importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_context, "imports_dma_bufs", False)
    found = told(SHOWING)
    assert _keys(found) == ["no-import-extension"]
    assert importing_context.renderer in found[0].evidence


def test_a_memfd_and_a_gpu(told: Told, importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated devices have nothing else where they may not open /dev/udmabuf. No --gpu would help."""
    monkeypatch.setattr(DmaBuffer, "exporter", "")
    monkeypatch.setattr(importing_context, "software", False)
    found = told(SHOWING)
    assert _keys(found) == ["no-dma-buf"]
    assert "/dev/udmabuf" in found[0].remedy and "--gpu" not in found[0].remedy


def test_bridge(importing_context: Context, clock: Clock) -> None:
    """Nothing is wrong: the finding names both GPUs and the cost, and no other one tells of the import."""
    with bridged(Rig()):
        renderer = Renderer(importing_context, clock)
        renderer.set_bridge(OTHER)
        with opened(f"{SHOWING},fault=other-gpu", renderer) as session:
            found = _findings(session, renderer)
            document = inspect_document(session.target, session.source.latest(), session.describe(), renderer)
        renderer.release()
    assert _keys(found) == ["bridge"]
    assert found[0].severity is Severity.INFO
    assert found[0].evidence.startswith(f"exporting: {importing_context.renderer}, no render node; drawing: ")
    assert "handed over as read-back" in found[0].evidence
    assert (document["state"], document["reason"]) == ("showing", "ok")
    plane = document["planes"]["primary"]
    assert (plane["path"], plane["bridge"]["form"]) == ("bridge", "read-back")
    assert [each["rung"] for each in plane["import_errors"]] == ["explicit-modifier"]


def test_import_failed(told: Told, importing_context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    EglRefusal(importing_context, clock, EGL_BAD_ALLOC, monkeypatch)
    found = told(SHOWING)
    assert _keys(found) == ["import-failed"]
    assert "EGL_BAD_ALLOC" in found[0].evidence


@pytest.fixture
def starts(importing_context: Context, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """The context is like a window's: it does not wait for trials, and knows nothing yet."""
    starts = Starts()
    monkeypatch.setattr(importing_context, "waits_for_trials", False)
    monkeypatch.setattr(importing_context, "record", TrialRecord(None))
    monkeypatch.setattr("gl.shared_parts.ImportTrials", partial(ImportTrials, start=starts))
    return starts


def test_import_on_trial_and_then_the_crash(starts: Starts, importing_context: Context, clock: Clock) -> None:
    renderer = Renderer(importing_context, clock)
    with opened(f"{SHOWING},cursor=off", renderer) as session:
        assert _keys(_findings(session, renderer))[0] == "import-on-trial"
        starts.trials[0].end(CRASH)
        clock.now += 20_000_000
        found = _findings(session, renderer)
        assert found[0].key == "import-crashes-driver"
        assert CRASH.detail in found[0].evidence
    renderer.release()


def test_import_awaited(
    starts: Starts, importing_context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU cannot read the buffer, and this display would import it all the same."""
    monkeypatch.setattr(importing_context, "software", False)
    monkeypatch.setattr(DmaBuffer, "exporter", "i915")
    unreadable = FailingCall(clock, lambda: None, OSError(errno.EACCES, os.strerror(errno.EACCES)))
    renderer = Renderer(importing_context, clock)
    with opened(f"{SHOWING},cursor=off", renderer) as session:
        monkeypatch.setattr("mmap.mmap", unreadable)
        assert _keys(_findings(session, renderer))[0] == "import-awaited"
        assert starts.trials
        monkeypatch.undo()
    renderer.release()


def test_upload_failed(told: Told, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = FailingCall(clock, UploadTexture.send, GlError("uploading", (GL_OUT_OF_MEMORY,)))
    monkeypatch.setattr(UploadTexture, "send", failing)
    assert _keys(told(f"mdpy,{SMALL},fps=0")) == ["upload-failed"]


def test_not_readable(told: Told, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region whose pages cannot be read any more: it has no buffer whose import could fail."""
    failing = FailingCall(clock, lambda: None, OSError(errno.EIO, os.strerror(errno.EIO)))
    monkeypatch.setattr("gl.copied_surface.CopiedSurface.refresh", failing)
    found = told(f"mdpy,{SMALL},fps=0")
    assert _keys(found) == ["not-readable"]
    assert "EIO" in found[0].evidence


def test_render_failed(importing_context: Context, clock: Clock) -> None:
    """The outcome of the draw before says that all is well."""
    renderer = Renderer(importing_context, clock)
    with opened(SHOWING, renderer) as session:
        frame = polled(session, PictureHistory(0), lambda frame: frame.primary is not None)
        failure = Status(Reason.RENDER_FAILED, "drawing: GL_OUT_OF_MEMORY")
        (found,) = diagnose(picture_facts("t", frame, renderer.outcome, 0, failure=failure))
        assert (found.key, found.evidence) == ("render-failed", failure.detail)
    renderer.release()
